// Changes a city's policy in Chromium: a broken record, a dry run, the request, and its approval by a second person.
// Is given {service, tokens, lang, broken, record, screenshots}; the tokens are those who ask, approve and look.
// Every page is held against axe, which needs scripts.
import { audit } from "./axe.mjs";
import { visit } from "./browser.mjs";

const seen = { problems_seen: "", counts: {}, cards: 0, changed: [], own: 0, outcome: "", periods: [], looking: 0, narrow: 0 };
await visit(seen, { viewport: { width: 1280, height: 900 }, javaScriptEnabled: true }, async (given, page, note) => {
  const look = async (name) => {
    await note(name);
    await audit(page, seen.problems, name);
  };
  const enter = (token) => page.context().addCookies([{ name: "citycard_staff", value: token, url: `${given.service}/admin` }]);
  await enter(given.tokens[0]);
  await page.goto(`${given.service}/admin/policies`);
  await look("policies");
  await page.locator('a[href="/admin/policies/320100"]').click();
  await look("policy");
  await page.locator("#record").fill(given.broken);
  await page.locator("#try").click();
  seen.problems_seen = await page.locator("#problems").innerText();
  await look("broken");
  await page.locator("#record").fill(given.record);
  await page.locator("#try").click();
  await page.locator("#ask").waitFor(); // the page looks again by itself
  await look("dry-run");
  for (const kind of ["restricted", "unrestricted", "lost", "released"]) seen.counts[kind] = Number(await page.locator(`#count-${kind}`).innerText());
  seen.cards = await page.locator("#card-table tbody tr").count();
  for (const row of await page.locator("#change-table tbody tr").all()) seen.changed.push((await row.locator("th, td").allInnerTexts()).join(" | "));
  await page.setViewportSize({ width: 390, height: 844 });
  await look("phone");
  seen.narrow = (await page.locator("body").boundingBox()).width;
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.locator("#note").fill("council decision 7");
  await page.locator("#ask").click();
  seen.own = await page.locator("#approve").count();
  await look("asked");
  const request = page.url();
  await enter(given.tokens[1]);
  await page.goto(request);
  await look("to-approve");
  await page.locator("#approve").click();
  seen.outcome = await page.locator("#approval-state").innerText();
  await look("approved");
  await enter(given.tokens[2]);
  await page.goto(`${given.service}/admin/policies/320100`);
  for (const row of await page.locator("#period-table tbody tr").all()) seen.periods.push((await row.locator("th, td").allInnerTexts()).join(" | "));
  seen.looking = await page.locator("form textarea").count();
  await look("in-force");
});
