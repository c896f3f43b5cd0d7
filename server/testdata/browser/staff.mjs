// Walks staff through a reissue in Chromium, at a desk. Reads a JSON object from standard input:
// {service, account, password, codes, idNumber, lang, screenshots}, and writes what it saw as one JSON object. The
// first of the codes is a wrong one.
import { chromium } from "playwright-core";
import { text } from "node:stream/consumers";

const given = JSON.parse(await text(process.stdin));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
const seen = { steps: [], problems: [], alerts: [], slip: "", social: "" };
let page;
try {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 }, locale: given.lang === "en" ? "en-GB" : "zh-CN", javaScriptEnabled: false,
  });
  context.setDefaultTimeout(20_000);
  page = await context.newPage();
  page.on("requestfailed", (request) => seen.problems.push(`${request.url()}: ${request.failure()?.errorText}`));
  await walk();
} catch (error) {
  seen.problems.push(`at ${page?.url()}: ${error.message}`);
  if (page && given.screenshots) await page.screenshot({ path: `${given.screenshots}/problem.png`, fullPage: true });
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));

async function look(name) {
  seen.steps.push(`${name}: ${(await page.locator("h1").first().innerText()).trim()}`);
  if (given.screenshots) {
    await page.screenshot({ path: `${given.screenshots}/${String(seen.steps.length).padStart(2, "0")}-${name}.png`, fullPage: true });
  }
}

async function alerted() {
  seen.alerts.push((await page.locator('[role="alert"]').innerText()).trim());
}

async function walk() {
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
  await page.locator("#action").selectOption("loss");
  await page.locator("#act").click();
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
  await page.locator("#reissue").click();
  await page.locator("#note").fill("once more");
  await page.locator("#submit").click();
  await alerted();
  await look("refused");
  await page.locator("#log-out").click();
  await look("logged-out");
}
