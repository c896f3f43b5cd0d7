// Uploads a card file with bad rows in Chromium, looks through it, confirms it and waits until it is imported; then a
// file with a wrong header. Is given {service, token, lang, file, wrong, screenshots}.
import { visit } from "./browser.mjs";
import { readFile } from "node:fs/promises";

const seen = { preview: [], problems_listed: [], counts: {}, list: "", refused: "" };
await visit(seen, { viewport: { width: 1280, height: 900 } }, async (given, page, look) => {
  await page.context().addCookies([{ name: "citycard_staff", value: given.token, url: `${given.service}/admin` }]);
  const rows = async (table) => {
    const found = [];
    for (const row of await page.locator(`${table} tbody tr`).all()) found.push((await row.locator("th, td").allInnerTexts()).join(" | "));
    return found;
  };
  const upload = async (file) => {
    await page.goto(`${given.service}/admin/imports`);
    await page.locator("#reason").selectOption("card_maker_file");
    await page.locator("#note").fill("batch 7 of November");
    await page.locator("#file").setInputFiles(file);
    await look("upload");
    await page.locator("#submit").click();
  };
  await upload(given.file);
  // The page renews itself without scripts; the walk only waits.
  await page.locator("#confirm").waitFor();
  await look("checked");
  seen.preview = await rows("#preview-table");
  seen.problems_listed = await rows("#problem-table");
  await page.setViewportSize({ width: 390, height: 844 });
  await look("checked-phone");
  await page.setViewportSize({ width: 1280, height: 900 });
  const download = page.waitForEvent("download");
  await page.locator("#download").click();
  seen.list = await readFile(await (await download).path(), "utf8");
  await page.locator("#confirm").click();
  await look("importing");
  await page.getByRole("heading", { name: given.lang === "en" ? "Imported" : "导入完成", exact: true }).waitFor();
  await page.waitForLoadState();
  await look("done");
  for (const name of ["good", "bad", "added", "unchanged", "rejected"]) seen.counts[name] = await page.locator(`#${name}`).innerText();
  await upload(given.wrong);
  await page.locator(".wrong").waitFor();
  await page.waitForLoadState();
  await look("refused");
  seen.refused = await page.locator(".wrong").innerText();
  await page.goto(`${given.service}/admin/imports`);
  await look("list");
});
