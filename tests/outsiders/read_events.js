// Microsoft's JavaScript SDK as a reader of events: takes a JSON array of request bodies on stdin, prints what it read.
import { EventGridDeserializer, isSystemEvent } from "@azure/eventgrid";
import { text } from "node:stream/consumers";

const reader = new EventGridDeserializer();
const read = [];
for (const { schema, body } of JSON.parse(await text(process.stdin))) {
  const events =
    schema === "cloudevents" ? await reader.deserializeCloudEvents(body) : await reader.deserializeEventGridEvents(body);
  for (const event of events) {
    read.push({
      ...event,
      schema,
      isReceived: isSystemEvent("Microsoft.Communication.SMSReceived", event),
      isReport: isSystemEvent("Microsoft.Communication.SMSDeliveryReportReceived", event),
    });
  }
}
console.log(JSON.stringify(read));
