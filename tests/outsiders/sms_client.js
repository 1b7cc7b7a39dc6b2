// Microsoft's JavaScript SDK as a client of a sandbox: `node sms_client.js ENDPOINT KEY` prints what it got as JSON.
import { SmsClient } from "@azure/communication-sms";
import { SmsClient as BetaSmsClient } from "@azure/communication-sms-beta";
import { AzureKeyCredential } from "@azure/core-auth";

const [endpoint, key] = process.argv.slice(2);
const options = { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } };
const from = "+15555550100";
const to = ["+15555550101", "5550101x"];

async function refusal(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return { status: error.statusCode, code: error.code, message: error.message };
  }
}

const got = {};
for (const [name, Client] of Object.entries({ released: SmsClient, beta: BetaSmsClient })) {
  const client = new Client(endpoint, new AzureKeyCredential(key), options);
  const stranger = new Client(endpoint, new AzureKeyCredential(Buffer.from("another key").toString("base64")), options);
  got[name] = {
    results: await client.send({ from, to, message: `from ${name}` }, { enableDeliveryReport: true, tag: name }),
    wrongKey: await refusal(() => stranger.send({ from, to, message: "never" })),
    foreignNumber: await refusal(() => client.send({ from: "+15555550199", to, message: "never" })),
    wrongField: await refusal(() => client.send({ from: "much too long a name", to, message: "never" })),
  };
}
console.log(JSON.stringify(got));
