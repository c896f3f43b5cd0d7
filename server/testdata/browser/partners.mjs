// Walks an operator and a supervisor through a partner's new key: the one asks, the other approves, and the first revokes
// the key again. Is given {service, password, people: {asks, decides: {account, codes}}, app, pem, lang, viewport,
// screenshots}. Every page is held against axe.
import { auditFits } from "./axe.mjs";
import { visit } from "./browser.mjs";
import { enter, leave } from "./staff_door.mjs";

const seen = { refused: "", decided: "", key: "", revoked: "" };
await visit(seen, { javaScriptEnabled: true }, async (given, page, look) => {
  await page.setViewportSize(given.viewport);
  const shown = async (name) => {
    await auditFits(page, seen.problems, name);
    await look(name);
  };
  const ask = async (pem) => {
    await page.locator(`#add-${given.app} > summary`).click();
    await page.locator(`#t-${given.app}`).selectOption("ED25519");
    await page.locator(`#k-${given.app}`).fill(pem);
    await page.locator(`#w-${given.app}`).fill("the yearly change");
    await shown("new-key");
    await page.locator(`#ask-${given.app}`).click();
  };

  await enter(page, given, given.people.asks, "/admin/partners");
  await ask("no key at all");
  seen.refused = (await page.locator('[role="alert"]').innerText()).trim();
  await page.goto(`${given.service}/admin/partners`);
  await ask(given.pem);
  await shown("asked");
  const request = new URL(page.url()).pathname;
  await leave(page);

  await enter(page, given, given.people.decides, request);
  await page.locator("#approve").click();
  seen.decided = await page.locator("#approval-state").innerText();
  await shown("approved");
  await leave(page);

  await enter(page, given, given.people.asks, "/admin/partners");
  seen.key = await page.locator(".history li span").first().innerText();
  await page.locator(".history summary").first().click();
  await page.locator(".history input[name=note]").first().fill("it got lost");
  await shown("revoke");
  await page.locator(".history button").first().click();
  seen.revoked = await page.locator(".history li span").first().innerText();
  await shown("revoked");
});
