// A layer: published, read, listed page by page, shared, had by a function, deleted.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const sdk = createRequire(process.env.SDK)("@aws-sdk/client-lambda");
const client = new sdk.LambdaClient({ maxAttempts: 1 });
const LayerName = `${process.env.FUNCTION}-js`;
const ZipFile = readFileSync(process.env.ZIP);

const made = await client.send(new sdk.PublishLayerVersionCommand({
  LayerName, Content: { ZipFile }, CompatibleRuntimes: ["python3.11"], Description: "from js",
}));
assert.equal(made.Version, 1);
assert.equal(made.Content.CodeSize, ZipFile.length);
await client.send(new sdk.PublishLayerVersionCommand({ LayerName, Content: { ZipFile } }));

const byArn = await client.send(new sdk.GetLayerVersionByArnCommand({ Arn: made.LayerVersionArn }));
assert.equal(byArn.Description, "from js");
const zip = Buffer.from(await (await fetch(byArn.Content.Location)).arrayBuffer());
assert.deepEqual(zip, ZipFile);

const numbers = [];
for await (const page of sdk.paginateListLayerVersions({ client, pageSize: 1 }, { LayerName })) {
  numbers.push(...page.LayerVersions.map((v) => v.Version));
}
assert.deepEqual(numbers, [2, 1]);
const names = [];
for await (const page of sdk.paginateListLayers({ client, pageSize: 1 }, { CompatibleRuntime: "python3.11" })) {
  names.push(...page.Layers.map((l) => `${l.LayerName}:${l.LatestMatchingVersion.Version}`));
}
assert.ok(names.includes(`${LayerName}:1`));

const where = { LayerName, VersionNumber: 1 };
const added = await client.send(new sdk.AddLayerVersionPermissionCommand({
  ...where, StatementId: "all", Action: "lambda:GetLayerVersion", Principal: "*",
}));
const policy = await client.send(new sdk.GetLayerVersionPolicyCommand(where));
assert.equal(policy.RevisionId, added.RevisionId);
await client.send(new sdk.RemoveLayerVersionPermissionCommand({ ...where, StatementId: "all" }));

const FunctionName = process.env.FUNCTION;
const changed = await client.send(new sdk.UpdateFunctionConfigurationCommand({
  FunctionName, Layers: [made.LayerVersionArn],
}));
assert.deepEqual(changed.Layers, [{ Arn: made.LayerVersionArn, CodeSize: ZipFile.length }]);
await sdk.waitUntilFunctionUpdatedV2({ client, maxWaitTime: 60, minDelay: 1 }, { FunctionName });

for (const VersionNumber of numbers) {
  await client.send(new sdk.DeleteLayerVersionCommand({ LayerName, VersionNumber }));
}
await assert.rejects(
  client.send(new sdk.GetLayerVersionCommand(where)),
  (error) => error.name === "ResourceNotFoundException",
);
