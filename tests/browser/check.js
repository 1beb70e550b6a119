// Opens pages of `auditsync report` in a real browser, and fails if one of them scrolls sideways,
// requests anything, logs an error, or violates a rule of axe. With --pictures DIR it keeps what it
// saw: look at it before you change the page.
//
//     node check.js [--pictures DIR] PAGE.html…

import { mkdirSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import axe from "axe-core";

import { withBrowser } from "./browser.js";

const WIDTHS = [360, 768, 1280];
const SCHEMES = ["light", "dark"];
// A4 at 96 dots per inch, without the margins of @page.
const PAPER = 688;

const { values: options, positionals: files } = parseArgs({
  options: { pictures: { type: "string" } },
  allowPositionals: true,
});
if (files.length === 0) {
  console.error("usage: node check.js [--pictures DIR] PAGE.html…");
  process.exit(2);
}
if (options.pictures) mkdirSync(options.pictures, { recursive: true });

const problems = [];
await withBrowser(async (browser) => {
  for (const file of files) await checkFile(browser, file);
});
for (const problem of problems) console.error(`✗ ${problem}`);
console.log(`${files.length} pages, ${problems.length} problems`);
process.exit(problems.length === 0 ? 0 : 1);

async function checkFile(browser, file) {
  const address = pathToFileURL(resolve(file)).href;
  const page = await browser.newPage();
  const say = (what) => problems.push(`${basename(file)}: ${what}`);
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== address) say(`it requests ${request.url()}`);
  });
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) say(`it logs: ${message.text()}`);
  });
  page.on("pageerror", (error) => say(`it fails: ${error}`));
  const picture = async (name) => {
    if (!options.pictures) return;
    const path = join(options.pictures, `${basename(file, ".html")}-${name}.png`);
    // Chromium draws no picture that is higher than this.
    const height = await page.evaluate(() => document.documentElement.scrollHeight);
    const { width } = page.viewportSize();
    const clip = { x: 0, y: 0, width, height: Math.min(height, 16000) };
    await page.screenshot({ path, fullPage: true, clip });
  };
  for (const colorScheme of SCHEMES) {
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ media: "screen", colorScheme });
      await page.goto(address);
      await checkWidth(page, say, `${colorScheme}, ${width} px`);
      await picture(`${colorScheme}-${width}`);
      await openEverything(page);
      await checkWidth(page, say, `${colorScheme}, ${width} px, all tables open`);
    }
    for (const found of await violations(page)) say(`${colorScheme}: ${found}`);
    await page.setViewportSize({ width: PAPER, height: 1000 });
    await page.emulateMedia({ media: "print", colorScheme });
    await page.goto(address);
    await checkWidth(page, say, `${colorScheme}, on paper`);
    if (colorScheme === "light") {
      await picture("print");
      const path = options.pictures && join(options.pictures, `${basename(file, ".html")}.pdf`);
      await page.pdf({ path, preferCSSPageSize: true, printBackground: false });
    }
  }
  await page.close();
}

async function checkWidth(page, say, where) {
  const [needed, there] = await page.evaluate(() => {
    const root = document.documentElement;
    return [root.scrollWidth, root.clientWidth];
  });
  if (needed > there) say(`${where}: it is ${needed} px wide`);
}

async function openEverything(page) {
  await page.evaluate(() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
}

// Every rule of axe at its default, on the page as a reader opens it and with all tables open.
async function violations(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, {
    resultTypes: ["violations"],
  }));
  return violations.map(({ id, help, nodes }) =>
    `axe ${id}: ${help} (${nodes.length}, first ${nodes[0].html.slice(0, 160)})`);
}
