// Looks at work lists, imports and the dashboard in Chromium, wide and on a phone, and holds each page against axe; then
// asks for an export, has it approved by the second person, and fetches it. Is given
// {service, token, second, paths, lang, screenshots}.
import { audit } from "./axe.mjs";
import { visit } from "./browser.mjs";
import { readFile } from "node:fs/promises";

const seen = { rows: {}, counts: {}, wide: [], file: "", again: -1, nav: "" };
await visit(seen, { viewport: { width: 1280, height: 900 }, javaScriptEnabled: true }, async (given, page, look) => {
  await page.context().addCookies([{ name: "citycard_staff", value: given.token, url: `${given.service}/admin` }]);
  for (const path of given.paths) {
    const name = path.split("/").slice(2, 4).join("-");
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.goto(given.service + path);
    await audit(page, seen.problems, name);
    await look(name);
    const rows = [];
    for (const row of await page.locator("#work-table tbody tr").all()) rows.push((await row.locator("th, td").allInnerTexts()).join(" | "));
    seen.rows[path] = rows;
    await page.setViewportSize({ width: 390, height: 844 });
    await audit(page, seen.problems, `${name} on a phone`);
    await look(`${name}-phone`);
    if ((await page.locator("body").boundingBox()).width > 390) seen.wide.push(path);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.goto(`${given.service}/admin/work`);
  for (const link of await page.locator("main nav a").all()) seen.counts[await link.getAttribute("id")] = await link.locator("strong").innerText();
  seen.nav = await page.locator('nav a[href="/admin/work"] .count').innerText();

  await page.goto(`${given.service}/admin/dashboard`);
  await page.locator("#what").selectOption("callbacks");
  await page.locator("#note").fill("monthly report");
  await page.locator("#ask").click();
  const request = new URL(page.url()).pathname.split("/").pop();
  const approved = await page.request.post(`${given.service}/admin/v1/approvals/${request}/approve`, {
    headers: { Authorization: `Bearer ${given.second}` }, data: { note: "fine" },
  });
  if (!approved.ok()) throw new Error(`approve: ${approved.status()} ${await approved.text()}`);
  await page.goto(`${given.service}/admin/dashboard`);
  await audit(page, seen.problems, "an export to fetch");
  await look("ready");
  const download = page.waitForEvent("download");
  await page.locator("#fetch").click();
  seen.file = await readFile(await (await download).path(), "utf8");
  await page.goto(`${given.service}/admin/dashboard`);
  seen.again = await page.locator("#fetch").count();
});
