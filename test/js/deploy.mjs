// Create, wait, publish, alias, list page by page, delete.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const sdk = createRequire(process.env.SDK)("@aws-sdk/client-lambda");
const client = new sdk.LambdaClient({ maxAttempts: 1 });
const FunctionName = `${process.env.FUNCTION}-js`;

const made = await client.send(new sdk.CreateFunctionCommand({
  FunctionName,
  Runtime: "python3.11",
  Handler: "main.handler",
  Role: "arn:aws:iam::000000000000:role/tester",
  Code: { ZipFile: readFileSync(process.env.ZIP) },
  Environment: { Variables: { MODE: "js" } },
}));
assert.equal(made.State, "Pending");
await sdk.waitUntilFunctionActiveV2({ client, maxWaitTime: 60, minDelay: 1 }, { FunctionName });

const version = await client.send(new sdk.PublishVersionCommand({ FunctionName }));
assert.equal(version.Version, "1");
await client.send(new sdk.CreateAliasCommand({ FunctionName, Name: "live", FunctionVersion: "1" }));
const answer = await client.send(new sdk.InvokeCommand({ FunctionName, Qualifier: "live" }));
assert.equal(Buffer.from(answer.Payload).toString(), '"from a zip"');
assert.equal(answer.ExecutedVersion, "1");

const names = [];
for await (const page of sdk.paginateListFunctions({ client, pageSize: 1 }, {})) {
  names.push(...page.Functions.map((f) => f.FunctionName));
}
assert.ok(names.includes(FunctionName) && names.includes(process.env.FUNCTION));

await assert.rejects(
  client.send(new sdk.DeleteFunctionCommand({ FunctionName, Qualifier: "1" })),
  (error) => error.name === "ResourceConflictException",
);
await client.send(new sdk.DeleteFunctionCommand({ FunctionName }));
await assert.rejects(
  client.send(new sdk.GetFunctionCommand({ FunctionName })),
  (error) => error.name === "ResourceNotFoundException",
);
