/** Asks one address for something, or sends something there. */
import { fail, failed, HttpRequest, Invocation, json, ok, Outcome } from "runloop";

export function agent(call: Invocation): Outcome {
  const url = call.options.getString("url");
  const post = call.options.get("post");
  const request = new HttpRequest(post.isNull ? "GET" : "POST", url);
  if (!post.isNull) request.json(post);
  // The policy says which secret this is, and to which hosts it may go; its value never comes here.
  if (call.options.getBool("token")) request.secret("authorization", "fetcher/token");

  const response = request.fetch();
  if (!response.ok) return failed(response.error, "asking " + url);
  const got = response.value;
  if (!got.ok) return fail("fetcher.status", url + " answers with status " + got.status.toString(), got.status >= 500);
  return ok().send(
    "out",
    "json.v1",
    json().set("status", got.status).set("type", got.header("content-type")).set("text", got.text()),
  );
}
