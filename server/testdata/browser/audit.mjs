// Looks through the record of actions in Chromium, asks for an export, and saves the checkpoint. Is given
// {service, token, lang, object, screenshots}.
// Every page is held against axe, which needs scripts.
import { audit } from "./axe.mjs";
import { visit } from "./browser.mjs";

const seen = { all: [], found: [], request: "", checkpoint: "", narrow: 0 };
await visit(seen, { viewport: { width: 1280, height: 900 }, javaScriptEnabled: true }, async (given, page, note) => {
  const look = async (name) => {
    await note(name);
    await audit(page, seen.problems, name);
  };
  const lines = async () => {
    const list = [];
    for (const row of await page.locator("#actions tbody tr").all()) list.push((await row.locator("th, td").allInnerTexts()).join(" | "));
    return list;
  };
  await page.context().addCookies([{ name: "citycard_staff", value: given.token, url: `${given.service}/admin` }]);
  await page.goto(`${given.service}/admin/audit`);
  seen.all = await lines();
  await look("audit");
  await page.locator("#object").fill(given.object);
  await page.locator("#action").fill("loss");
  await page.locator("#from").fill("2026-11-22");
  await page.locator("#to").fill("2026-11-22");
  await page.locator("#show").click();
  seen.found = await lines();
  await look("found");
  const saved = page.waitForEvent("download");
  await page.locator("#checkpoint").click();
  const chunks = [];
  for await (const chunk of await (await saved).createReadStream()) chunks.push(chunk);
  seen.checkpoint = Buffer.concat(chunks).toString();
  await page.setViewportSize({ width: 390, height: 844 });
  await look("phone");
  seen.narrow = (await page.locator("body").boundingBox()).width;
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.locator("#note").fill("quarterly report");
  await page.locator("#ask-export").click();
  seen.request = new URL(page.url()).pathname;
  await look("asked");
});
