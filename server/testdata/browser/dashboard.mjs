// Looks at the dashboard in Chromium, wide and on a phone. Is given {service, token, lang, from, to, screenshots}.
import { visit } from "./browser.mjs";

const seen = { tables: {}, bars: {}, inline: 0, narrow: 0 };
await visit(seen, { viewport: { width: 1280, height: 900 } }, async (given, page, look) => {
  await page.context().addCookies([{ name: "citycard_staff", value: given.token, url: `${given.service}/admin` }]);
  await page.goto(`${given.service}/admin/dashboard`);
  await page.locator("#from").fill(given.from);
  await page.locator("#to").fill(given.to);
  await page.locator("#show").click();
  seen.inline = await page.locator("main [style]").count();
  await look("dashboard");
  for (const table of await page.locator("main table").all()) {
    const rows = [];
    for (const row of await table.locator("tbody tr").all()) rows.push((await row.locator("th, td").allInnerTexts()).join(" | "));
    seen.tables[await table.getAttribute("id")] = rows;
  }
  for (const section of await page.locator("main section").all()) {
    seen.bars[await section.getAttribute("aria-labelledby")] = await section.locator("svg rect").count();
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await look("phone");
  seen.narrow = (await page.locator("body").boundingBox()).width;
});
