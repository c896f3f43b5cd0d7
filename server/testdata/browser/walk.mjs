// Walks the citizen's path in Chromium, on a phone. Is given
// {superApp, number, name, idNumber, lang, javaScript, screenshots}. Number is the ID number of the person to
// be; name and idNumber are what is entered.
import { audit } from "./axe.mjs";
import { visit } from "./browser.mjs";

const seen = {};
await visit(seen, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }, async (given, page, see) => {
  // Each page is held against the rules of accessibility too, where scripts run: axe is one.
  const look = async (name) => {
    await see(name);
    if (given.javaScript) await audit(page, seen.problems, name);
  };
  await page.goto(`${given.superApp}/choose?back=/`);
  await page.locator(`button:has-text("${given.number}")`).click();
  for (let tile = 0; tile < 5; tile++) {
    await look("super-app");
    await page.locator("a.tile.live").click();
  }
  await look("home");
  await page.locator("#start").click();
  await look("log-in");
  await page.locator('button[value="yes"]').click();
  await attempt(given, page, look);
  if (!seen.receipt) return;
  await page.locator("#confirm").click();
  await look("confirmed");
  seen.financial = await page.locator(".states .state").nth(1).getAttribute("class");

  // Asking again goes straight through and changes nothing.
  await page.goto(new URL("/h5/activate", page.url()).href);
  await enter(given, page, look);
  seen.again = (await page.locator("#outcome").innerText()).trim();
});

async function attempt(given, page, look) {
  await enter(given, page, look);
  await look("consent");
  await page.locator("#agree").click();
  await look("platform");
  await page.locator('button[value="yes"], button[value="pass"]').click();
  await look("outcome");
  seen.outcome = (await page.locator("#outcome").innerText()).trim();
  const receipt = page.locator("#receipt");
  if (await receipt.count()) seen.receipt = (await receipt.innerText()).trim();
}

async function enter(given, page, look) {
  await look("form");
  await page.locator("#name").fill(given.name);
  await page.locator("#id_number").fill(given.idNumber);
  await page.locator("#submit").click();
}
