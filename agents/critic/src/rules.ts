/** The rules that need nothing but the draft. */
import { Json, json, list, words } from "runloop";
import { Draft } from "./draft";
import { placeholderIn } from "./placeholder";

/** What is broken, and what was looked at. */
export class Findings {
  readonly broken: Json = list();
  readonly checked: Json = list();

  get none(): bool {
    return this.broken.length == 0;
  }
  add(rule: string, text: string): void {
    this.broken.push(json().set("rule", rule).set("text", text));
  }
  looked(rule: string): void {
    this.checked.push(rule);
  }
}

/** `contacts`: contact lists that the draft's recipients must stand in, where the opening wires any. */
export function checkForm(draft: Draft, maxWords: i32, contacts: Json[], findings: Findings): void {
  checkRecipients(draft, contacts, findings);
  checkSubject(draft, findings);
  checkLength(draft, maxWords, findings);
  checkGreeting(draft, findings);
  checkPlaceholders(draft, findings);
  checkMarks(draft, findings);
}

function checkRecipients(draft: Draft, contacts: Json[], findings: Findings): void {
  findings.looked("recipient");
  if (draft.to.length == 0) findings.add("recipient", "the mail goes to nobody");
  const known = addressesOf(draft.recipients);
  let wired: string[] = [];
  for (let i = 0; i < contacts.length; i++) wired = wired.concat(addressesOf(contacts[i]));
  for (let i = 0; i < draft.to.length; i++) {
    const address = draft.to[i];
    if (!isAddress(address)) findings.add("recipient", "`" + address + "` is no e-mail address");
    else if (known.length > 0 && !known.includes(address)) findings.add("recipient", "`" + address + "` is not one of the people whom the writer wrote to");
    else if (contacts.length > 0 && !wired.includes(address)) findings.add("recipient", "`" + address + "` is not one of the contacts");
  }
}

function addressesOf(people: Json): string[] {
  const addresses: string[] = [];
  for (let i = 0; i < people.length; i++) addresses.push(people.at(i).getString("email"));
  return addresses;
}

/** One `@` with something on both sides, and nothing that would end an address in a header. */
function isAddress(text: string): bool {
  const at = text.indexOf("@");
  if (at < 1 || at != text.lastIndexOf("@") || at == text.length - 1) return false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit <= 0x20 || unit == 0x7f || unit == 0x2c || unit == 0x3b || unit == 0x3c || unit == 0x3e || unit == 0x22) return false;
  }
  return true;
}

function checkSubject(draft: Draft, findings: Findings): void {
  findings.looked("subject");
  if (draft.subject == "") findings.add("subject", "there is no subject");
  else if (draft.subject.includes("\n") || draft.subject.includes("\r")) findings.add("subject", "the subject has more than one line");
}

function checkLength(draft: Draft, maxWords: i32, findings: Findings): void {
  findings.looked("length");
  const count = draft.words;
  if (count == 0) findings.add("length", "the mail says nothing");
  if (count > maxWords) findings.add("length", count.toString() + " words, " + maxWords.toString() + " at most");
}

/** How a mail may begin, in some languages; a line that calls a recipient by name is a greeting in any. */
const greetings = [
  "hi", "hello", "hey", "dear", "good", "greetings", "hallo", "liebe", "lieber", "guten", "sehr", "bonjour", "cher", "chere", "hola", "estimado", "estimada",
  "ciao", "buongiorno", "ola", "ahoj", "hei", "hej", "moin", "servus",
];
/** A greeting is a line of its own and short. */
const GREETING_WORDS = 10;

function checkGreeting(draft: Draft, findings: Findings): void {
  findings.looked("greeting");
  const line = words(draft.firstLine());
  if (line.length == 0) return;
  const named = names(line, draft.recipients);
  if (line.length > GREETING_WORDS || !(named || greetings.includes(line[0]))) {
    findings.add("greeting", "the mail does not begin with a greeting");
  } else if (!named && draft.recipients.length > 0 && !(line.includes("all") || line.includes("everyone") || line.includes("team"))) {
    findings.add("greeting", "the greeting names none of the recipients");
  }
}

/** Whether a line holds a part of a recipient's name. */
function names(line: string[], recipients: Json): bool {
  for (let i = 0; i < recipients.length; i++) {
    const parts = words(recipients.at(i).getString("name"));
    for (let p = 0; p < parts.length; p++) if (parts[p].length > 1 && line.includes(parts[p])) return true;
  }
  return false;
}

function checkPlaceholders(draft: Draft, findings: Findings): void {
  findings.looked("placeholders");
  const inSubject = placeholderIn(draft.subject);
  if (inSubject != "") findings.add("placeholders", "the subject has a gap that nobody filled: " + inSubject);
  const inBody = placeholderIn(draft.body);
  if (inBody != "") findings.add("placeholders", "the mail has a gap that nobody filled: " + inBody);
}

/** `[3]` must be one of the draft's citations. */
function checkMarks(draft: Draft, findings: Findings): void {
  const body = draft.body;
  for (let open = body.indexOf("["); open >= 0; open = body.indexOf("[", open + 1)) {
    const close = body.indexOf("]", open);
    if (close < 0) return;
    const mark = body.substring(open + 1, close);
    if (!isNumber(mark)) continue;
    const number = I32.parseInt(mark);
    if (number < 1 || number > draft.citations.length) findings.add("citations", "[" + mark + "] stands for no source");
  }
}

function isNumber(text: string): bool {
  if (text.length == 0 || text.length > 4) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x30 || text.charCodeAt(i) > 0x39) return false;
  return true;
}
