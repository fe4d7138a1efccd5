// Invoke: answer, function error, log tail, dry run, a function that is not there.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { InvokeCommand, LambdaClient } = createRequire(process.env.SDK)("@aws-sdk/client-lambda");
const client = new LambdaClient({ maxAttempts: 1 });
const FunctionName = process.env.FUNCTION;
const json = (answer) => JSON.parse(Buffer.from(answer.Payload).toString());

const good = await client.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ a: [1, null, "ü"] }) }));
assert.equal(good.StatusCode, 200);
assert.equal(good.FunctionError, undefined);
assert.deepEqual(json(good), { got: { a: [1, null, "ü"] }, version: "$LATEST" });

const bad = await client.send(new InvokeCommand({ FunctionName, Payload: '{"fail": true}', LogType: "Tail" }));
assert.equal(bad.FunctionError, "Unhandled");
assert.equal(json(bad).errorMessage, "as asked");
assert.equal(json(bad).errorType, "ValueError");
assert.match(Buffer.from(bad.LogResult, "base64").toString(), /log line[\s\S]*REPORT RequestId/);

const dry = await client.send(new InvokeCommand({ FunctionName, InvocationType: "DryRun", Payload: "{}" }));
assert.equal(dry.StatusCode, 204);

await assert.rejects(client.send(new InvokeCommand({ FunctionName: "nobody", Payload: "{}" })), (error) => {
  assert.equal(error.name, "ResourceNotFoundException");
  assert.equal(error.$metadata.httpStatusCode, 404);
  return true;
});
