// Draws the first screen of a page as a PNG: node picture.js PAGE.html FILE.png

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

import { withBrowser } from "./browser.js";

const SIZE = { width: 1180, height: 1470 };

const [file, picture] = process.argv.slice(2);
await withBrowser(async (browser) => {
  const page = await browser.newPage();
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto(pathToFileURL(resolve(file)).href);
  // The calendars are what the page is about: show them below the verdict.
  await page.evaluate(() => {
    const keep = ["#verdict", "#todo", "#volume"].map((id) => document.querySelector(id).closest("section"));
    const calendars = document.querySelector(".calendars");
    for (const part of document.querySelectorAll("main > section, nav")) {
      if (!keep.includes(part)) part.remove();
    }
    document.querySelectorAll("details").forEach((details) => details.remove());
    document.querySelector("main").append(calendars);
  });
  await page.screenshot({ path: picture });
}, { viewport: SIZE });
