"""How results are shown to a person: as one page for the browser, as Markdown, and as a quiz.

    document   what a report is: sections of text, tables, charts and pictures
    charts     its charts, drawn by Matplotlib in the colours of the page
    html       the whole report as one file, for a screen, a phone and paper, light and dark
    markdown   the same for a repository, with its charts and pictures as files beside it
    files      both, written into a folder
    quiz       real or generated? a page that asks a person, and tells the score

What they write is in templates for Jinja beside them, in style sheets and in a script.

Nothing here knows a model: every figure and every picture is given by the caller. The pages load
nothing from elsewhere, and the same document gives the same bytes.
"""
