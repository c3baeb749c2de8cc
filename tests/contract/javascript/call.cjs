// Makes the calls of the xAPI client @xapi/xapi that it is told to make: `node call.cjs ENDPOINT VERSION ADAPTER`, with the
// credential in XAPI_KEY and XAPI_SECRET. Reads a call a line, {"method": "getStatement", "params": {…}}, and writes an answer
// a line: {"status", "headers", "data"}, or {"refused"}, the text that the client threw. Contents of attachments are in base64.
"use strict";

const { createInterface } = require("node:readline");
const XAPI = require("@xapi/xapi");

const [endpoint, version, adapter] = process.argv.slice(2);
const { XAPI_KEY, XAPI_SECRET } = process.env;
const client = new XAPI({ endpoint, version, adapter, auth: XAPI.toBasicAuth(XAPI_KEY, XAPI_SECRET) });

function toArrayBuffer(base64) {
  return Uint8Array.from(Buffer.from(base64, "base64")).buffer;
}

async function answer({ method, params }) {
  if (Array.isArray(params.attachments)) {
    params.attachments = params.attachments.map(toArrayBuffer);
  }
  try {
    const { status, headers, data } = await client[method](params);
    return { status, headers, data };
  } catch (error) {
    // Under axios the error holds the response, parsed; under fetch it is its text and nothing else.
    const refused = error.response ? error.response.data : error.message;
    return { refused: typeof refused === "string" ? refused : JSON.stringify(refused) };
  }
}

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await answer(JSON.parse(line))));
  }
}

main();
