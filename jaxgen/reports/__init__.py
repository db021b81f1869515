"""Reports for a reader: as one page for the browser, as Markdown, and as a quiz.

    document   the parts of a report: sections of text, tables, charts and pictures
    charts     the charts, drawn by Matplotlib in the colours of the page
    html       a report as one file, for a screen, a phone and paper, light and dark
    markdown   a report for a repository, with its charts and pictures as files beside it
    files      writes both into a folder
    quiz       real or generated? a page that asks the reader, and counts the right answers

The Jinja templates, the style sheets and the script are in this folder.

Nothing here knows a model: the caller passes all numbers and pictures. The pages load no other
files, and the same document gives the same bytes.
"""
