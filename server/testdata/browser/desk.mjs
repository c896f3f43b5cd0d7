// Walks three people of staff through a desk's day: a clerk finds a person by name, records a loss, sees one field, opens
// a case, replaces a card and gives that up; a supervisor asks for a hold that a second one approves; the clerk takes a
// call on the hotline. Is given {service, password, people: {clerk, asks, decides: {account, codes}}, who: {name, born},
// caller: {number, name, bank, month}, lang, viewport, screenshots}. Every page is held against axe.
import { auditFits } from "./axe.mjs";
import { visit } from "./browser.mjs";
import { enter, leave } from "./staff_door.mjs";

const seen = { printed: false, revealed: "", afterwards: 0, ownButtons: 0, waiting: "", decided: "", states: [], refused: "", shownAnswers: false, clicks: 0 };
await visit(seen, { javaScriptEnabled: true }, async (given, page, look) => {
  await page.setViewportSize(given.viewport);
  const shown = async (name) => {
    await auditFits(page, seen.problems, name);
    await look(name);
  };
  const state = async () => seen.states.push(await page.locator(".state").first().getAttribute("class"));

  // The clerk at the counter.
  await enter(page, given, given.people.clerk, "/admin");
  await page.locator("#name").fill(given.who.name);
  await page.locator("#birth_date").fill(given.who.born);
  await page.locator("#by-name").click();
  await shown("found-by-name");
  await page.locator("a.found").click();
  const card = new URL(page.url()).pathname;
  await page.locator("#do-loss > summary").click();
  await page.locator("#do-loss details > summary").click();
  await page.locator("#loss-agent").fill("A-1");
  await page.locator("#loss-holder").fill("C-1");
  await page.locator("#loss-attorney").fill("P-1");
  await page.locator("#loss-until").fill("2099-12-31");
  await shown("loss-by-agent");
  await page.locator("#loss-submit").click();
  await state();
  await page.locator("#reveal > summary").click();
  await page.locator("#field").selectOption("name");
  await page.locator("#reveal-note").fill("to write the form");
  await page.locator("#reveal-submit").click();
  seen.revealed = await page.locator("#revealed .plain-value").innerText();
  await shown("revealed");
  await page.goto(`${given.service}${card}`);
  seen.afterwards = await page.locator("#revealed").count();
  await page.locator("#correct > summary").click();
  await page.locator("#kind").selectOption("phone");
  await page.locator("#description").fill("an old number");
  await page.locator("#correct-submit").click();
  await page.locator("#do-found > summary").click();
  await page.locator("#found-submit").click();
  await state();
  await shown("case-and-history");

  // A reissue at another bank, its slip on paper, and giving it up before production.
  await page.locator("#reissue").click();
  await page.locator("#reason").selectOption("bank_changed");
  await page.locator("#waiver").selectOption("issuer_mistake");
  await page.locator("#bank_code").selectOption("308");
  await page.locator("#note").fill("moved to another bank");
  await shown("reissue");
  await page.locator("#submit").click();
  await shown("slip");
  await page.emulateMedia({ media: "print" });
  seen.printed = await page.locator(".slip").isVisible() && !(await page.locator(".top").isVisible());
  if (given.screenshots) await page.pdf({ path: `${given.screenshots}/slip.pdf`, format: "A5" });
  await page.emulateMedia({ media: "screen" });
  await page.locator('main a[href^="/admin/cards/"]').last().click();
  await page.locator("#do-fulfilment > summary").click();
  await page.locator("#fulfilment-submit").click();
  await shown("new-card-in-review");
  await page.locator("#do-cancel_reissue > summary").click();
  await page.locator("#cancel_reissue-submit").click();
  await state();
  await leave(page);

  // A supervisor asks, and cannot decide.
  await enter(page, given, given.people.asks, card);
  await page.locator("#do-freeze > summary").click();
  await page.locator("#freeze-reason").selectOption("court_order");
  await page.locator("#freeze-note").fill("order 5 of the district court");
  await page.locator("#freeze-submit").click();
  seen.ownButtons = await page.locator("#approve").count();
  await shown("asked");
  await leave(page);

  // A second one sees that something waits, and approves it.
  await enter(page, given, given.people.decides, "/admin/approvals");
  seen.waiting = (await page.locator('.places a[href="/admin/approvals"] .count').innerText()).trim();
  await shown("approvals");
  await page.locator("a.found").first().click();
  await shown("approval");
  await page.locator("#note").fill("seen the order");
  await page.locator("#approve").click();
  seen.decided = await page.locator("#approval-state").innerText();
  await shown("approved");
  await page.goto(`${given.service}${card}`);
  await state();
  await shown("held");
  await leave(page);

  // The hotline: every click and every choice from a list counts, from the moment the call comes in.
  await enter(page, given, given.people.clerk, "/admin");
  const click = async (target) => {
    seen.clicks += 1;
    await page.locator(target).click();
  };
  await click('a[href="/admin/hotline"]');
  await shown("hotline");
  await page.locator("#number").fill(given.caller.number);
  await click("#submit");
  await shown("hotline-questions");
  const questions = await page.locator("main").innerText();
  seen.shownAnswers = questions.includes(given.caller.name) || questions.includes(given.caller.month);
  await page.locator("#name").fill(given.caller.name);
  await page.locator("#received_month").fill(given.caller.month);
  seen.clicks += 1;
  await page.locator("#bank_code").selectOption(given.caller.bank);
  await click("#lose");
  await state();
  await shown("hotline-lost");

  // A caller who knows less.
  await page.goto(`${given.service}/admin/hotline`);
  await page.locator("#number").fill(given.caller.number);
  await page.locator("#submit").click();
  await page.locator("#name").fill("somebody else");
  await page.locator("#lose").click();
  seen.refused = (await page.locator('[role="alert"]').innerText()).trim();
  await shown("hotline-refused");
});
