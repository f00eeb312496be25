/** The mail as the template has it, and the parts that a prompt names too. */
import { Json, json, Text } from "runloop";
import { Fact } from "./facts";
import { Recipients } from "./recipients";

/** A subject line that mail programs show whole. */
const SUBJECT = 72;

export class Letter {
  constructor(
    readonly topic: string,
    readonly people: Recipients,
    readonly facts: Fact[],
    /** `friendly`, `neutral` or `formal`. */
    readonly tone: string,
    /** Whose name stands below; may be empty. */
    readonly sender: string,
  ) {}

  greeting(): string {
    if (this.tone == "formal") return "Dear " + this.people.called(true) + ",";
    return (this.tone == "friendly" ? "Hi " : "Hello ") + this.people.called(false) + ",";
  }

  farewell(): string {
    const words = this.tone == "formal" ? "Yours sincerely" : this.tone == "friendly" ? "Cheers" : "Best regards";
    return this.sender == "" ? words : words + ",\n" + this.sender;
  }

  /** What the built-in filler writes; the slots are the names in `data`. */
  template(): string {
    const text = new Text().line("Subject: {{subject}}").line().line("{{greeting}}").line();
    if (this.facts.length > 0) {
      text.line('Here is what I have on "{{topic}}":').line().line("{{points}}").line();
      text.line("Does this match what you have? Tell me if anything is missing.").line();
    } else {
      text.line('I would like to talk with you about "{{topic}}". I have no notes on it yet: could you send me what you have?').line();
    }
    return text.add("{{farewell}}").toString();
  }

  data(): Json {
    const points = new Text();
    for (let i = 0; i < this.facts.length; i++) {
      if (i > 0) points.line();
      points.add("- " + this.facts[i].text + " [" + (i + 1).toString() + "]");
    }
    return json()
      .set("subject", subjectOf(this.topic))
      .set("greeting", this.greeting())
      .set("topic", this.topic)
      .set("points", points.toString())
      .set("farewell", this.farewell());
  }
}

/** The topic as a subject line: one line, its first letter large, cut at a word. */
export function subjectOf(topic: string): string {
  const line = topic.replaceAll("\r", " ").replaceAll("\n", " ").trim();
  const subject = large(line.charCodeAt(0)) + line.substring(1);
  if (subject.length <= SUBJECT) return subject;
  const end = subject.lastIndexOf(" ", SUBJECT);
  return subject.substring(0, end > 0 ? end : SUBJECT) + " …";
}

/** The large form of a letter of ASCII or Latin-1; of another, itself. */
function large(unit: i32): string {
  const small = (unit >= 0x61 && unit <= 0x7a) || (unit >= 0xe0 && unit <= 0xfe && unit != 0xf7);
  return String.fromCharCode(small ? unit - 32 : unit);
}
