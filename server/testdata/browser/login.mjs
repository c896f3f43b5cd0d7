// Walks staff through the ways to log in, and an operator through the accounts. Is given
// {service, account, password, wrongCode, code, recovery, lang, viewport, screenshots}: code is a one-time code, recovery
// are recovery codes. The device is Chromium's virtual authenticator (Web Authentication Level 3, 11).
import { audit } from "./axe.mjs";
import { visit } from "./browser.mjs";

const seen = { alerts: [], keys: [], ends: [], enteredBySSO: "" };
await visit(seen, { javaScriptEnabled: true }, async (given, page, look) => {
  const shown = async (name) => {
    await audit(page, seen.problems, name);
    await look(name);
  };
  const path = () => new URL(page.url()).pathname;
  const alerted = async () => seen.alerts.push((await page.locator('[role="alert"]:visible').innerText()).trim());
  const logOut = async () => {
    await page.locator("#log-out").click();
    await page.waitForURL("**/admin/login");
  };

  await page.setViewportSize(given.viewport);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", { options: {
    protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true,
  } });

  // By password and code.
  await page.goto(`${given.service}/admin/account`);
  for (const code of [given.wrongCode, given.code]) {
    await page.locator("#account").fill(given.account);
    await page.locator("#password").fill(given.password);
    await page.locator("#code").fill(code);
    await shown(code === given.code ? "log-in-refused" : "log-in");
    await page.locator("#submit").click();
    if (code === given.wrongCode) await alerted();
  }
  seen.ends.push(path());
  await shown("account");

  // A passkey is added, after proving again who adds it.
  await page.locator("#more").click();
  await page.locator("#name").fill(given.lang === "en" ? "Counter 3" : "3 号窗口");
  await page.locator("#password").fill(given.password);
  await page.locator("#code").fill(given.recovery[0]);
  await shown("add-passkey");
  await page.locator("#add-passkey").click();
  await page.waitForURL("**/admin/account");
  seen.keys.push(await page.locator(".keys strong").allInnerTexts());
  await shown("passkey-added");
  await logOut();

  // It logs in. A device that does not verify its user does not.
  await page.locator("#by-passkey").click();
  await page.waitForURL((to) => !to.pathname.startsWith("/admin/login"));
  seen.ends.push(path());
  await logOut();
  await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await page.locator("#by-passkey").click();
  await page.locator("#refused").waitFor({ timeout: 20_000 });
  await alerted();
  await shown("passkey-refused");
  await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
  await page.locator("#ask").click();
  await page.waitForURL((to) => !to.pathname.startsWith("/admin/login"));

  // The identity provider is another site.
  await logOut();
  await page.locator("#by-sso").click();
  await page.locator("#agree").click();
  await page.waitForURL((to) => to.pathname.startsWith("/admin") && !to.pathname.startsWith("/admin/sso"));
  seen.enteredBySSO = path();

  // Accounts are added, get other roles, and are disabled.
  await page.goto(`${given.service}/admin/staff`);
  await page.locator("#account").fill("bob");
  await page.locator("#name").fill("Bob Li");
  await page.locator("#role").selectOption("clerk");
  await shown("staff");
  await page.locator("#add").click();
  await shown("keys");
  await page.goto(`${given.service}/admin/staff`);
  await page.locator("#role-bob").selectOption("auditor");
  await page.locator("#account-bob form[action$=role] button").click();
  await page.locator("#account-bob form[action$=disable] button").click();
  await shown("staff-changed");

  // A passkey that was removed is known to nobody, whatever the device keeps.
  await page.goto(`${given.service}/admin/account`);
  await page.locator(".keys form button").click();
  seen.keys.push(await page.locator(".keys strong").allInnerTexts());
  await logOut();
  await page.locator("#by-passkey").click();
  await page.locator(".alert:visible").waitFor();
  await alerted();
  seen.ends.push(path());
});
