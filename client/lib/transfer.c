/*
 * The ring of calls under way of a transfer.
 *
 * Always holds: what is added is answered or dropped, once, oldest first.
 * Not here: what the calls carry (upload.c, download.c).
 */
#include "client/lib/transfer.h"

void window_add(struct window *w, struct tide_call *call, uint64_t chunk)
{
    w->flights[(w->first + w->n++) % WINDOW] = (struct flight){call, chunk};
}

int window_take(struct window *w, uint64_t *chunk, struct tide_doc **doc, struct tide_error *error)
{
    struct flight *f = &w->flights[w->first];
    w->first = (w->first + 1) % WINDOW;
    w->n--;
    *chunk = f->chunk;
    return tide_call_finish(&f->call, doc, error);
}

void window_put_back(struct window *w, struct tide_call *call, uint64_t chunk)
{
    w->first = (w->first + WINDOW - 1) % WINDOW;
    w->flights[w->first] = (struct flight){call, chunk};
    w->n++;
}

void window_drop(struct window *w)
{
    while (w->n > 0) {
        call_free(&w->flights[w->first].call);
        w->first = (w->first + 1) % WINDOW;
        w->n--;
    }
}
