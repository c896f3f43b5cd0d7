// Walks staff through a reissue in Chromium, at a desk. Is given
// {service, account, password, codes, idNumber, lang, screenshots}. The first of the codes is a wrong one.
import { visit } from "./browser.mjs";

const seen = { alerts: [], slip: "", social: "" };
await visit(seen, { viewport: { width: 1280, height: 900 } }, async (given, page, look) => {
  const alerted = async () => seen.alerts.push((await page.locator('[role="alert"]').innerText()).trim());

  await page.goto(`${given.service}/admin`);
  for (const code of given.codes) {
    await page.locator("#account").fill(given.account);
    await page.locator("#password").fill(given.password);
    await page.locator("#code").fill(code);
    await look("log-in");
    await page.locator("#submit").click();
    if (code === given.codes[0]) await alerted();
  }
  await page.locator("#number").fill(given.idNumber);
  await page.locator("#submit").click();
  await look("search");
  await page.locator("a.found").click();
  await look("card");
  await page.locator("#do-loss summary").first().click();
  await look("card-loss");
  await page.locator("#loss-submit").click();
  await look("lost");
  await page.locator("#reissue").click();
  await page.locator("#reason").selectOption("lost");
  await page.locator("#waiver").selectOption("low_income");
  await page.locator("#note").fill("left on the bus");
  await look("reissue");
  await page.locator("#submit").click();
  await look("slip");
  seen.slip = new URL(page.url()).pathname;
  await page.emulateMedia({ media: "print" });
  await look("print");
  await page.emulateMedia({ media: "screen" });
  await page.locator('a[href^="/admin/cards/"]').first().click();
  await look("old-card");
  seen.social = await page.locator(".state").first().getAttribute("class");
  await page.goto(`${page.url()}/reissue`);
  await page.locator("#note").fill("once more");
  await page.locator("#submit").click();
  await alerted();
  await look("refused");
  await page.locator("#log-out").click();
  await look("logged-out");
});
