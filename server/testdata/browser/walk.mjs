// Walks the citizen's path in Chromium, on a phone. Reads a JSON object from standard input:
// {superApp, number, name, idNumber, lang, javaScript, tries, screenshots}, and writes what it saw as one JSON
// object. Number is the ID number of the person to be; name and idNumber are what is entered; tries is how often,
// since a city may ask for another check of the identity.
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
const seen = { steps: [], problems: [] };
let page;
try {
  const context = await browser.newContext({
    viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true,
    locale: given.lang === "en" ? "en-GB" : "zh-CN", javaScriptEnabled: given.javaScript ?? false,
  });
  context.setDefaultTimeout(20_000);
  page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && seen.problems.push(message.text()));
  page.on("requestfailed", (request) => seen.problems.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on("request", (request) => {
    const host = new URL(request.url()).hostname;
    if (host !== "127.0.0.1" && host !== "localhost") seen.problems.push(`a request to ${host}`);
  });
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

async function walk() {
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
  await attempt();
  for (let more = given.tries - 1; more > 0; more--) {
    await page.locator("#again").click();
    await attempt();
  }
  if (!seen.receipt) return;
  await page.locator("#confirm").click();
  await look("confirmed");
  seen.financial = await page.locator(".states .state").nth(1).getAttribute("class");

  // Asking again goes straight through and changes nothing.
  await page.goto(new URL("/h5/activate", page.url()).href);
  await enter();
  seen.again = (await page.locator("#outcome").innerText()).trim();
}

async function attempt() {
  await enter();
  await look("consent");
  await page.locator("#agree").click();
  await look("platform");
  await page.locator('button[value="yes"], button[value="pass"]').click();
  await look("outcome");
  seen.outcome = (await page.locator("#outcome").innerText()).trim();
  const receipt = page.locator("#receipt");
  if (await receipt.count()) seen.receipt = (await receipt.innerText()).trim();
}

async function enter() {
  await look("form");
  await page.locator("#name").fill(given.name);
  await page.locator("#id_number").fill(given.idNumber);
  await page.locator("#submit").click();
}
