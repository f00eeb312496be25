/** A draft, taken apart. */
import { Json, list } from "runloop";

export class Draft {
  readonly to: string[];
  readonly subject: string;
  readonly body: string;
  readonly citations: string[];
  readonly model: string;
  /** `{name, email}` of those whom the writer wrote to, as it says. */
  readonly recipients: Json;

  constructor(draft: Json) {
    this.to = draft.getStrings("to").concat(draft.getStrings("cc"));
    this.subject = draft.getString("subject").trim();
    this.body = draft.getString("body");
    this.citations = draft.getStrings("citations");
    this.model = draft.get("metadata").getString("model");
    const recipients = draft.get("metadata").get("recipients");
    this.recipients = recipients.isArray ? recipients : list();
  }

  /** Filled in by the host's template filler. A draft that does not say who wrote it is taken for a model's. */
  get isLocal(): bool {
    return this.model.startsWith("local/");
  }

  /** Words as a person counts them: runs without white space that hold more than punctuation. */
  get words(): i32 {
    let count = 0;
    let inside = false;
    let solid = false;
    for (let i = 0; i <= this.body.length; i++) {
      const unit = i < this.body.length ? <u32>this.body.charCodeAt(i) : 0x20;
      if (unit <= 0x20 || unit == 0xa0 || (unit >= 0x2000 && unit <= 0x200b) || unit == 0x2028 || unit == 0x3000) {
        if (inside && solid) count++;
        inside = false;
        solid = false;
      } else {
        inside = true;
        if (isLetterOrDigit(unit)) solid = true;
      }
    }
    return count;
  }

  /** The first line that is not empty. */
  firstLine(): string {
    const lines = this.body.split("\n");
    for (let i = 0; i < lines.length; i++) if (lines[i].trim() != "") return lines[i].trim();
    return "";
  }
}

function isLetterOrDigit(unit: u32): bool {
  if (unit < 0x80) return (unit >= 0x30 && unit <= 0x39) || ((unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x7a);
  return unit >= 0xc0 && !(unit >= 0x2000 && unit <= 0x206f) && !(unit >= 0x3000 && unit <= 0x303f);
}
