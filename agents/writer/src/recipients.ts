/** Who the mail goes to, and how they are called. */
import { Json, json, list } from "runloop";

export class Recipients {
  private readonly names: string[] = [];
  private readonly emails: string[] = [];

  /** Contact lists, in order; a person who stands in two of them is written to once. */
  constructor(lists: Json[]) {
    for (let l = 0; l < lists.length; l++) {
      for (let i = 0; i < lists[l].length; i++) {
        const email = lists[l].at(i).getString("email");
        if (email == "" || this.emails.includes(email)) continue;
        this.emails.push(email);
        this.names.push(lists[l].at(i).getString("name", email).trim());
      }
    }
  }

  get count(): i32 {
    return this.emails.length;
  }

  addresses(): string[] {
    return this.emails;
  }

  asJson(): Json {
    const people = list();
    for (let i = 0; i < this.count; i++) people.push(json().set("name", this.names[i]).set("email", this.emails[i]));
    return people;
  }

  /** "Ada Byron" where `whole`, else "Ada"; two are joined by "and", more than three are "all". */
  called(whole: bool): string {
    if (this.count > 3) return "all";
    const called: string[] = [];
    for (let i = 0; i < this.count; i++) called.push(whole ? this.names[i] : firstName(this.names[i]));
    const last = called.pop();
    return called.length == 0 ? last : called.join(", ") + " and " + last;
  }
}

/** The first word of a name; "Dr. Ada Byron" is called by her whole name. */
function firstName(name: string): string {
  const space = name.indexOf(" ");
  if (space < 0) return name;
  const first = name.substring(0, space);
  return first.endsWith(".") || first.endsWith(",") ? name : first;
}
