/** One attempt of one node, as the agent sees it. */
import { Json } from "./json/value";

/** One value on a port. */
export class Message {
  constructor(
    readonly port: string,
    /** Port type name, such as `contact.list.v1`. */
    readonly type: string,
    readonly body: Json,
    /** Where the value came from, as the host knows it. */
    readonly labels: string[],
  ) {}
}

export class Invocation {
  /** All inputs, in the order of the edges in the opening's file. */
  readonly messages: Message[] = [];

  constructor(
    readonly node: string,
    /** From 1. Signed, so that it compares with any number. */
    readonly attempt: i32,
    /** The node's `with` map. (Not named so: the compiler takes `a < call.with` for the beginning of type arguments.) */
    public options: Json = Json.object(),
  ) {}

  /** What arrived on a port; empty where nothing did. */
  input(port: string): Input {
    const messages: Message[] = [];
    for (let i = 0; i < this.messages.length; i++) if (this.messages[i].port == port) messages.push(this.messages[i]);
    return new Input(messages);
  }
}

/** The messages of one port. */
export class Input {
  constructor(readonly messages: Message[]) {}

  /** Whether anything arrived. */
  get given(): bool {
    return this.messages.length > 0;
  }

  /** The first body, or JSON null where nothing arrived. */
  first(): Json {
    return this.given ? this.messages[0].body : Json.nothing;
  }

  /** All bodies. */
  all(): Json[] {
    const bodies: Json[] = [];
    for (let i = 0; i < this.messages.length; i++) bodies.push(this.messages[i].body);
    return bodies;
  }
}
