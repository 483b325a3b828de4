// A bot for Convoship in Node, without packages, that streams: WEBHOOK_SECRET=whsec_... node bot.mjs
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const key = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
const equal = (a, b) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray());
  const [id, at, offered] = ["id", "timestamp", "signature"].map((name) => request.headers[`webhook-${name}`] ?? "");
  const digest = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64");
  const good = offered.split(" ").some((one) => equal(one, `v1,${digest}`)) && Math.abs(Date.now() / 1000 - at) < 300;
  if (!good) return response.writeHead(401).end();
  const { message } = JSON.parse(body);
  const send = (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  for (const word of `You said: ${message.text}`.match(/\S+\s*/g)) send("token", { text: word });
  send("done", {});
  response.end();
}).listen(Number(process.env.PORT ?? 9000), "127.0.0.1");
