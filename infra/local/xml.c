#include "infra/local/xml.h"

static void append_escaped(struct buffer *out, char c)
{
    if ((unsigned char)c < ' ' && c != '\n' && c != '\t' && c != '\r') {
        c = ' ';
    }
    switch (c) {
    case '&': buffer_append_text(out, "&amp;"); break;
    case '<': buffer_append_text(out, "&lt;"); break;
    case '>': buffer_append_text(out, "&gt;"); break;
    case '"': buffer_append_text(out, "&quot;"); break;
    case '\r': buffer_append_text(out, "&#13;"); break;
    default: buffer_append_byte(out, c); break;
    }
}

void xml_append_element(struct buffer *out, const char *name, struct slice text)
{
    buffer_append_format(out, "<%s>", name);
    for (size_t i = 0; i < text.size; i++) {
        append_escaped(out, text.data[i]);
    }
    buffer_append_format(out, "</%s>", name);
}
