import { exit, invocation, outputs, say } from "runloop/command";
import { json, Json, words } from "runloop";

const TOP = 5;

export function main(): void {
  const call = invocation();
  if (!call) {
    say("standard input is no invocation");
    exit(2);
    return;
  }
  const texts = call.get("inputs").get("text");
  let lines = 0;
  let characters = 0;
  const counts = new Map<string, i32>();
  let total = 0;
  for (let i = 0; i < texts.length; i++) {
    const text = texts.at(i).getString("body");
    lines += linesOf(text);
    characters += text.length;
    const found = words(text);
    total += found.length;
    for (let j = 0; j < found.length; j++) counts.set(found[j], (counts.has(found[j]) ? counts.get(found[j]) : 0) + 1);
  }
  if (total == 0) {
    say("there is no word in it");
    exit(1);
  }
  say(total.toString() + " words, " + counts.size.toString() + " different ones");
  const out = json()
    .set("lines", lines)
    .set("words", total)
    .set("characters", characters)
    .set("top", most(counts, call.get("with").getInt("top", TOP)));
  outputs(json().set("out", out));
}

function linesOf(text: string): i32 {
  let lines = text.length == 0 || text.endsWith("\n") ? 0 : 1;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) == 0x0a) lines++;
  return lines;
}

/** The most frequent words, those that are equally frequent in the order of the alphabet. */
function most(counts: Map<string, i32>, top: i32): Json {
  const keys = counts.keys();
  const found: Json[] = [];
  for (let i = 0; i < keys.length; i++) found.push(json().set("word", keys[i]).set("times", counts.get(keys[i])));
  found.sort((a, b) => {
    const less = b.getInt("times") - a.getInt("times");
    if (less != 0) return less;
    return a.getString("word") < b.getString("word") ? -1 : 1;
  });
  return Json.of(found.slice(0, top));
}
