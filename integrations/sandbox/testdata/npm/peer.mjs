// Calls the gateway with the unmodified SDK, verifying every reply, and prints what came of each call.
// Configuration comes as JSON on standard input.
import { readFileSync } from 'node:fs';
import { AlipaySdk } from 'alipay-sdk';

const given = JSON.parse(readFileSync(0, 'utf8'));
const sdk = new AlipaySdk({
  appId: given.app_id,
  privateKey: given.private_key,
  keyType: 'PKCS8',
  alipayPublicKey: given.platform_key,
  gateway: given.gateway,
  camelcase: false,
});

const results = {};
for (const { name, method, params } of given.calls) {
  try {
    const reply = await sdk.exec(method, params, { validateSign: true });
    results[name] = { reply };
  } catch (error) {
    results[name] = { error: error.message };
  }
}
if (given.page) {
  results.page = sdk.pageExec(given.page.method, 'GET', given.page.params);
}
process.stdout.write(JSON.stringify(results));
