"""A page as its reader's browser takes it apart."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """Tags, links and text of a page; complains about tags that do not pair."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    @property
    def text(self):
        return "".join(self.words)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in {"meta", "img", "link", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag, key):
        return [attributes[key] for name, attributes in self.tags if name == tag]
