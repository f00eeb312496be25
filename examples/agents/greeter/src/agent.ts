/** Greets whom it is told of; told of a failure, it says what went wrong instead. Shows `for_each` and `on_error`. */
import { fail, Invocation, log, ok, Outcome } from "runloop";

export function agent(call: Invocation): Outcome {
  const failure = call.input("error");
  if (failure.given) {
    const told = failure.first();
    return ok().send("out", "text.v1", "Nobody is greeted: " + told.getString("node") + " failed, " + told.get("reason").getString("message"));
  }
  const name = call.input("name").first().asText();
  if (name == "") return fail("greeter.nobody", "there is nobody to greet");
  if (name == call.options.getString("refuse", "")) return fail("greeter.refused", name + " is not greeted, as asked");
  log.info("greeting " + name);
  return ok().send("out", "text.v1", call.options.getString("greeting", "Hello") + ", " + name + "!");
}
