/*
 * Texts that statements bring: what may be shown as one line, and how a row keeps it.
 *
 * Always holds: a row's text is followed by a NUL within its field.
 * Not here: how long a text may be (the schemas), words to be found by (catalog.c).
 */
#include "broker/market/law.h"

/* C0, DEL and C1 (U+0080 to U+009F, in UTF-8 c2 80 to c2 9f). */
bool text_has_control(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c < 0x20 || c == 0x7f) return true;
        if (c == 0xc2 && i + 1 < text.len && text.data[i + 1] < 0xa0) return true;
    }
    return false;
}

void row_text_set(char *field, size_t room, struct bytes text)
{
    ASSERT(text.len < room);
    memset(field, 0, room);
    if (text.len > 0) memcpy(field, text.data, text.len);
}
