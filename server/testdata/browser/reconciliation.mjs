// Compares a partner's list of a day with ours in Chromium, where no page of it has a script: from the partner's section to the page of the
// day, our list fetched, a list that cannot be read, one with every kind of difference, the whole difference fetched, the
// card behind it, the work list, and our own list sent back. Then an auditor looks on. Each page is looked at wide and on a
// phone, and held against axe. Is given {service, token, auditor, app, day, files: {broken, theirs}, lang, screenshots}.
import { auditFits } from "./axe.mjs";
import { visit } from "./browser.mjs";
import { readFile, writeFile } from "node:fs/promises";

const seen = { counts: [], rows: {}, more: "", refused: "", ours: "", difference: "", card: "", work: "", same: [], auditor: -1, left: "" };
await visit(seen, { javaScriptEnabled: true }, async (given, page, look) => {
  const wide = { width: 1280, height: 900 };
  const enter = (token) => page.context().addCookies([{ name: "citycard_staff", value: token, url: `${given.service}/admin` }]);
  const shown = async (name) => {
    for (const [suffix, size] of [["", wide], ["-phone", { width: 390, height: 844 }]]) {
      await page.setViewportSize(size);
      await auditFits(page, seen.problems, name + suffix);
      await look(name + suffix);
    }
    await page.setViewportSize(wide);
  };
  const fetched = async (link) => {
    const download = page.waitForEvent("download");
    await page.locator(link).click();
    return readFile(await (await download).path(), "utf8");
  };
  const upload = async (file) => {
    await page.locator("#file").setInputFiles(file);
    await page.locator("#compare").click();
  };
  const counts = async () => {
    const found = [];
    for (const count of await page.locator(".tally dd").all()) found.push(await count.innerText());
    return found;
  };

  await enter(given.token);
  await page.goto(`${given.service}/admin/partners`);
  await shown("partners");
  await page.locator(`#lists-${given.app}`).click();
  await page.locator("#day").fill(given.day);
  await page.locator("#show").click();
  await page.waitForURL(`**/reconciliation/${given.day}`);
  await shown("nothing-compared");
  seen.ours = await fetched("#download-list");
  await upload(given.files.broken);
  seen.refused = (await page.locator("#unreadable").innerText()).trim();
  await shown("unreadable");
  await upload(given.files.theirs);
  seen.counts = await counts();
  for (const kind of ["only_ours", "only_theirs", "different"]) {
    seen.rows[kind] = [];
    for (const row of await page.locator(`#table-${kind} tbody tr`).all()) seen.rows[kind].push((await row.locator("th, td").allInnerTexts()).map((cell) => cell.trim().replace(/\s+/g, " ")).join(" | "));
  }
  seen.more = (await page.locator("#more-only_theirs").innerText()).trim();
  await shown("difference");
  seen.difference = await fetched("#download-difference");
  await page.locator("#table-only_ours a").first().click();
  await page.waitForURL("**/admin/cards/*");
  seen.card = new URL(page.url()).pathname;
  await page.goto(`${given.service}/admin/work/mismatches`);
  await shown("work-list");
  await page.locator("#work-table a").first().click();
  await page.waitForURL("**/reconciliation/*");
  seen.work = new URL(page.url()).pathname;
  const own = `${given.files.theirs}.ours.csv`;
  await writeFile(own, seen.ours);
  await upload(own);
  seen.same = await counts();
  await shown("the-same");
  await page.goto(`${given.service}/admin/work/mismatches`);
  seen.left = String(await page.locator("#work-table").count());

  await enter(given.auditor);
  await page.goto(`${given.service}/admin/partners/${given.app}/reconciliation/${given.day}`);
  seen.auditor = await page.locator("#compare").count();
  await shown("auditor");
});
