"""Documents of text: HTML, Markdown, and the blocks that workplace tools want instead: the rows. `html_text`,
`markdown_blocks`, `markdown_nodes`, `markdown_requests` and `block_text` do the work.

The names of formats in these functions are what mappings call them; nothing here knows a service.
"""

from conn_engine.expressions.functions.rows import Function, import_later

__all__ = ["ROWS"]

ROWS: tuple[Function, ...] = (
    Function(
        "convertHtmlToMarkdown",
        import_later("html_text", "html_to_markdown"),
        "<s-:s>",
        "Convert HTML to Markdown. Scripts, styles and comments are dropped.",
        "$convertHtmlToMarkdown('<p>a <a href=\"https://x.y\">link</a> &amp; <em>em</em><br>two</p>')",
        "a [link](https://x.y) & _em_  \ntwo",
    ),
    Function(
        "convertMarkdownToHtml",
        import_later("markdown_blocks", "markdown_to_html"),
        "<s-:s>",
        "Convert Markdown to HTML. HTML in the Markdown is shown as text.",
        "$convertMarkdownToHtml('# Hi\n\nText **b**')",
        "<h1>Hi</h1>\n<p>Text <strong>b</strong></p>\n",
    ),
    Function(
        "convertMarkdownToSlack",
        import_later("markdown_blocks", "markdown_to_message"),
        "<s-:a>",
        "Convert Markdown to message blocks: header, section (mrkdwn), divider. A single * stays.",
        "$convertMarkdownToSlack('# Hello\nThis is **bold**.').text.text",
        ["Hello", "This is *bold*."],
    ),
    Function(
        "convertMarkdownToNotion",
        import_later("markdown_blocks", "markdown_to_page"),
        "<s-:o>",
        "Convert Markdown to {children}: blocks with rich_text (headings, lists, to_do, code, quote, table, image).",
        "$convertMarkdownToNotion('# Hi\n\nText **b**').children.type",
        ["heading_1", "paragraph"],
    ),
    Function(
        "convertMarkdownToAdf",
        import_later("markdown_nodes", "markdown_to_nodes"),
        "<s-:o>",
        "Convert Markdown to a document of nodes with marks ({version, type: doc, content}).",
        "$convertMarkdownToAdf('# Hi\n\nText **b**').content.content.text",
        ["Hi", "Text ", "b"],
    ),
    Function(
        "convertMarkdownToGoogleDocs",
        import_later("markdown_requests", "markdown_to_requests"),
        "<s-:o>",
        "Convert Markdown to {requests} that write it into an empty document: text, then styles, then bullets.",
        "$convertMarkdownToGoogleDocs('# Hi\n\nText **b**').requests.insertText.text",
        ["Hi", "\n", "Text ", "b", "\n"],
    ),
    Function(
        "convertNotionToMarkdown",
        import_later("block_text", "page_to_markdown"),
        "<a:s>",
        "Convert page blocks with rich_text to Markdown.",
        "$convertNotionToMarkdown([{'type': 'heading_1', 'heading_1': {'rich_text': [{'plain_text': 'Intro'}]}}])",
        "# Intro\n\n",
    ),
)
