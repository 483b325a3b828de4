// A Convoship `user_token` for the user who is signed in to your site. Needs nothing beyond Node.
// Run it on your server, never in the page: who has the secret can be anyone.
import { createHmac } from "node:crypto";
import { pathToFileURL } from "node:url";

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** The token, good for an hour; make a fresh one for each page load. */
export function userToken(userId, name = "", email = "") {
  const claims = { sub: userId, exp: Math.floor(Date.now() / 1000) + 3600, name, email };
  const signed = `${encoded({ alg: "HS256", typ: "JWT" })}.${encoded(claims)}`;
  const signature = createHmac("sha256", process.env.CONVOSHIP_IDENTITY_SECRET).update(signed).digest("base64url");
  return `${signed}.${signature}`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(userToken(...process.argv.slice(2)));
}
