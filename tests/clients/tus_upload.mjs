// Sends one file by the real tus-js-client, however often the line breaks, and tells what became of it.
import { createReadStream } from "node:fs";
import { Upload } from "tus-js-client";

const [endpoint, path, collection, field, end] = process.argv.slice(2);
const seen = [];
let retries = 0;
const upload = new Upload(createReadStream(path), {
  endpoint,
  metadata: { collection, field, filename: "kite.bin", filetype: "application/octet-stream" },
  retryDelays: Array(60).fill(150),
  onShouldRetry: () => ((retries += 1), true),
  onProgress: (sent, all) => seen.push(sent / all),
  onError: (error) => { console.error(String(error)); process.exit(1); },
  onSuccess: async () => {
    if (end) await upload.abort(true);
    console.log(JSON.stringify({ url: upload.url, retries, last: seen.at(-1), steps: seen.length }));
  },
});
upload.start();
