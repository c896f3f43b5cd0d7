// enter logs one of staff in with password and the next one-time code, on the way to a page of the service.
export async function enter(page, given, who, at) {
  await page.goto(`${given.service}${at}`);
  await page.locator("#account").fill(who.account);
  await page.locator("#password").fill(given.password);
  await page.locator("#code").fill(who.codes.shift());
  await page.locator("#submit").click();
}

// leave logs them out.
export async function leave(page) {
  await page.locator("#log-out").click();
  await page.waitForURL("**/admin/login");
}
