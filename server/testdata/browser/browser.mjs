// What every browser test begins and ends with: reads the JSON object given on standard input, opens a page in
// Chromium, watches what the page asks for, and writes what was seen as one JSON object.
import { chromium } from "playwright-core";
import { text } from "node:stream/consumers";

// visit gives the walk `given`, the page, the object to fill, and look(name), which notes the page's heading and takes a
// screenshot where a folder is given. Anything that goes wrong is one of seen.problems.
export async function visit(seen, options, walk) {
  const given = JSON.parse(await text(process.stdin));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
  Object.assign(seen, { steps: [], problems: [] });
  let page;
  const screenshot = async (name) => {
    if (given.screenshots) await page.screenshot({ path: `${given.screenshots}/${name}.png`, fullPage: true });
  };
  try {
    const context = await browser.newContext({
      locale: given.lang === "en" ? "en-GB" : "zh-CN", javaScriptEnabled: given.javaScript ?? false, ...options,
    });
    context.setDefaultTimeout(20_000);
    page = await context.newPage();
    watch(page, seen.problems);
    await walk(given, page, async (name) => {
      seen.steps.push(`${name}: ${(await page.locator("h1").first().innerText()).trim()}`);
      await screenshot(`${String(seen.steps.length).padStart(2, "0")}-${name}`);
    });
  } catch (error) {
    seen.problems.push(`at ${page?.url()}: ${error.message}`);
    if (page) await screenshot("problem");
  } finally {
    await browser.close();
  }
  console.log(JSON.stringify(seen));
}

// watch notes complaints of the page, requests to other hosts, requests that fail, and parts of a page that are not
// there. A request that the browser itself gives up is no failure of the service: because the walk has left the page that
// it belongs to, whose icon or last lines may still be on their way, or because its answer is a file to keep.
function watch(page, problems) {
  const answered = new WeakSet();
  page.on("console", (message) => {
    // What could not be loaded is seen below, with its status; a page that refuses a form has such a status too.
    const error = message.type() === "error" && !message.text().startsWith("Failed to load resource");
    if (error) problems.push(message.text());
  });
  page.on("request", (request) => {
    const host = new URL(request.url()).hostname;
    if (host !== "127.0.0.1" && host !== "localhost") problems.push(`a request to ${host}`);
  });
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText;
    const left = why === "net::ERR_ABORTED" && (answered.has(request) || !request.isNavigationRequest());
    if (!left) problems.push(`${request.url()}: ${why}`);
  });
  page.on("response", (response) => {
    answered.add(response.request());
    if (response.status() >= 400 && !response.request().isNavigationRequest()) problems.push(`${response.url()}: ${response.status()}`);
  });
}
