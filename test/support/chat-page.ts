import type { Browser, Page } from 'playwright-core';

/** Opens the page of the chat in a window of its own, and joins with a name. */
export async function joinChat(
  browser: Browser,
  url: string,
  name: string,
  viewport?: { width: number; height: number },
): Promise<Page> {
  const page = await (await browser.newContext(viewport && { viewport })).newPage();
  await page.goto(url);
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Join the chat' }).click();
  await page.getByText('Connected').waitFor();
  return page;
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(text);
  await page.keyboard.press('Enter');
}

/** All that was said, as the page shows it. */
export function lines(page: Page): Promise<string[]> {
  return page.locator('.said .text').allInnerTexts();
}
