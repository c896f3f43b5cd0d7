// Holds a page against WCAG 2.2 AA and axe's own good practice.
import { AxeBuilder } from "@axe-core/playwright";

// audit adds what axe finds on the page to the problems, with the rule and the element.
export async function audit(page, problems, name) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  for (const { id, help, nodes } of violations) {
    for (const { html } of nodes) problems.push(`axe, ${name}: ${id} (${help}): ${html}`);
  }
}

// auditFits does the same, and notes a page that is wider than the screen.
export async function auditFits(page, problems, name) {
  await audit(page, problems, name);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  if (wide) problems.push(`${name}: the page is wider than the screen`);
}
