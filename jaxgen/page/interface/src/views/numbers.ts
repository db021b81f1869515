// Reports of comparisons and studies, as bin/compare and bin/study wrote them.

import type { Client } from "../client.ts";
import { choice, labelled, make } from "../dom.ts";
import type { View } from "../main.ts";
import { say } from "../words.ts";

export function numbers(client: Client): View {
  const { reports } = client;
  const content = make("section", { "aria-label": say("numbers") });
  if (!reports.length) content.append(make("p", {}, say("numbers-none")));
  else {
    // A report has no script, and its own policy forbids it to load anything.
    const page = make("iframe", { sandbox: "", class: "report" });
    const open = (title: string) => {
      page.title = title;
      page.srcdoc = reports.find((report) => report.title === title)!.html;
    };
    const titles = reports.map(({ title }) => [title, title] as const);
    open(titles[0][0]);
    content.append(labelled(say("numbers"), choice(titles, titles[0][0], open)), page);
  }
  return { content, leave: () => {} };
}
