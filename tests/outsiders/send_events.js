// The CloudEvents SDK as a sender: posts each event of a JSON array on stdin to URL in MODE, prints the statuses.
import { CloudEvent, HTTP } from "cloudevents";
import { text } from "node:stream/consumers";

const [url] = process.argv.slice(2);
const statuses = [];
for (const { mode, ...event } of JSON.parse(await text(process.stdin))) {
  const message = HTTP[mode](new CloudEvent(event));
  const answer = await fetch(url, { method: "POST", headers: message.headers, body: message.body });
  statuses.push(answer.status);
}
console.log(JSON.stringify(statuses));
