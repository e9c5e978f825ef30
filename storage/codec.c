/*
 * The codec: a pre-walk that proves raw bytes to be msgpack as Tidemark allows it, msgpack-c behind it for
 * unpacking, and a writer over msgpack-c's packer.
 *
 * Always holds: msgpack-c never sees bytes that the pre-walk has not passed; what the writer wrote without an error
 * passes it. Unpacking allocates once, from the caller's arena, exactly what the pre-walk counted.
 * Not here: what the values mean (fields.c).
 */
#include "storage/codec.h"

#include <msgpack.h>

#include "storage/limits.h"

struct cursor {
    const uint8_t *at;
    size_t left;
};

enum token { TOKEN_BAD, TOKEN_INT, TOKEN_BIN, TOKEN_TEXT, TOKEN_ARRAY };

/* Headers 0xc0 … 0xdf. A number outside [least, most] has a shorter form, or another sign than its header says. */
static const struct header {
    uint8_t token, width;
    uint64_t least, most;
} headers[32] = {
    [0x04] = {TOKEN_BIN, 1, 0, UINT8_MAX},
    [0x05] = {TOKEN_BIN, 2, 256, UINT16_MAX},
    [0x06] = {TOKEN_BIN, 4, 65536, UINT32_MAX},
    [0x0c] = {TOKEN_INT, 1, 128, UINT8_MAX},
    [0x0d] = {TOKEN_INT, 2, 256, UINT16_MAX},
    [0x0e] = {TOKEN_INT, 4, 65536, UINT32_MAX},
    [0x0f] = {TOKEN_INT, 8, UINT64_C(1) << 32, UINT64_MAX},
    /* signed: as unsigned bits, from the least number up to the last that does not fit the next shorter form */
    [0x10] = {TOKEN_INT, 1, 0x80, 0xdf},
    [0x11] = {TOKEN_INT, 2, 0x8000, 0xff7f},
    [0x12] = {TOKEN_INT, 4, 0x80000000, 0xffff7fff},
    [0x13] = {TOKEN_INT, 8, UINT64_C(0x8000000000000000), UINT64_C(0xffffffff7fffffff)},
    [0x19] = {TOKEN_TEXT, 1, 32, UINT8_MAX},
    [0x1a] = {TOKEN_TEXT, 2, 256, UINT16_MAX},
    [0x1b] = {TOKEN_TEXT, 4, 65536, UINT32_MAX},
    [0x1c] = {TOKEN_ARRAY, 2, 16, UINT16_MAX},
    [0x1d] = {TOKEN_ARRAY, 4, 65536, UINT32_MAX},
};

static bool take_big_endian(struct cursor *c, size_t width, uint64_t *out)
{
    uint64_t value = 0;
    if (width > c->left) return false;
    for (size_t i = 0; i < width; i++) value = value << 8 | c->at[i];
    c->at += width;
    c->left -= width;
    *out = value;
    return true;
}

/* Takes one header. *value: the integer's bits, the length, or the count. */
static enum token take_header(struct cursor *c, uint64_t *value)
{
    uint64_t first;
    if (!take_big_endian(c, 1, &first)) return TOKEN_BAD;
    *value = first;
    if (first < 0x80 || first >= 0xe0) return TOKEN_INT;
    if (first >= 0xc0) {
        const struct header *header = &headers[first - 0xc0];
        if (header->token == TOKEN_BAD || !take_big_endian(c, header->width, value)) return TOKEN_BAD;
        return *value >= header->least && *value <= header->most ? (enum token)header->token : TOKEN_BAD;
    }
    if (first >= 0xa0) {
        *value = first & 0x1f;
        return TOKEN_TEXT;
    }
    *value = first & 0x0f;
    return first >= 0x90 ? TOKEN_ARRAY : TOKEN_BAD; /* 0x80 … 0x8f are maps */
}

static bool skip_content(struct cursor *c, enum token token, uint64_t len)
{
    if (len > c->left) return false;
    if (token == TOKEN_TEXT && !utf8_is_valid(BYTES(c->at, (size_t)len))) return false;
    c->at += len;
    c->left -= (size_t)len;
    return true;
}

/* The pre-walk; *n_elements is the number of values, arrays included. */
static bool walk(struct bytes in, size_t *n_elements)
{
    struct cursor c = {in.data, in.len};
    uint64_t pending[LIMIT_DEPTH]; /* items still to come of each open array */
    size_t depth = 0, n = 0;

    do {
        uint64_t value;
        enum token token = take_header(&c, &value);
        if (token == TOKEN_BAD || ++n > LIMIT_ELEMENTS) return false;
        if (token == TOKEN_BIN || token == TOKEN_TEXT) {
            if (!skip_content(&c, token, value)) return false;
        } else if (token == TOKEN_ARRAY) {
            if (value > c.left || depth == LIMIT_DEPTH) return false;
            if (value > 0) {
                pending[depth++] = value;
                continue;
            }
        }
        while (depth > 0 && --pending[depth - 1] == 0) depth--;
    } while (depth > 0);
    *n_elements = n;
    return c.left == 0;
}

enum tide_err codec_prewalk(struct bytes in)
{
    size_t n_elements;
    return walk(in, &n_elements) ? TIDE_OK : TIDE_EMALFORMED;
}

/*
 * msgpack-c allocates arrays from a zone. Here the zone is one piece of the arena, of the size the pre-walk counted:
 * it never grows, so that nothing is left to free.
 */
enum tide_err codec_unpack(struct bytes in, struct arena *arena, struct codec_value *out)
{
    size_t n, offset = 0;

    out->object = NULL;
    if (!walk(in, &n)) return TIDE_EMALFORMED;
    msgpack_object *objects = arena_alloc(arena, n * sizeof *objects);
    if (objects == NULL) return TIDE_ENOMEM;
    msgpack_zone zone = {.chunk_size = MSGPACK_ZONE_CHUNK_SIZE};
    zone.chunk_list.ptr = (char *)(objects + 1);
    zone.chunk_list.free = (n - 1) * sizeof *objects;
    msgpack_unpack_return result = msgpack_unpack((const char *)in.data, in.len, &offset, &zone, objects);
    ASSERT(result == MSGPACK_UNPACK_SUCCESS && offset == in.len && zone.chunk_list.head == NULL);
    out->object = objects;
    return TIDE_OK;
}

bool codec_peek_ids(struct bytes in, size_t n_items, uint64_t *first, uint64_t *second)
{
    struct cursor c = {in.data, in.len};
    uint64_t n, a, b;
    *first = *second = 0;
    if (take_header(&c, &n) != TOKEN_ARRAY || n != n_items || n < 2) return false;
    if (c.left == 0 || c.at[0] >= 0xd0 || take_header(&c, &a) != TOKEN_INT) return false;
    if (c.left == 0 || c.at[0] >= 0xd0 || take_header(&c, &b) != TOKEN_INT) return false;
    *first = a;
    *second = b;
    return true;
}

/* ---- typed access ---- */
bool codec_get_array(struct codec_value v, size_t *n)
{
    const msgpack_object *object = v.object;
    if (object->type != MSGPACK_OBJECT_ARRAY) return false;
    *n = object->via.array.size;
    return true;
}

bool codec_get_item(struct codec_value v, size_t i, struct codec_value *item)
{
    const msgpack_object *object = v.object;
    if (object->type != MSGPACK_OBJECT_ARRAY || i >= object->via.array.size) return false;
    item->object = &object->via.array.ptr[i];
    return true;
}

bool codec_get_u64(struct codec_value v, uint64_t *out)
{
    const msgpack_object *object = v.object;
    if (object->type != MSGPACK_OBJECT_POSITIVE_INTEGER) return false;
    *out = object->via.u64;
    return true;
}

bool codec_get_i64(struct codec_value v, int64_t *out)
{
    const msgpack_object *object = v.object;
    if (object->type == MSGPACK_OBJECT_POSITIVE_INTEGER) {
        if (object->via.u64 > INT64_MAX) return false;
    } else if (object->type != MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        return false;
    }
    *out = object->via.i64;
    return true;
}

bool codec_get_bin(struct codec_value v, struct bytes *out)
{
    const msgpack_object *object = v.object;
    if (object->type != MSGPACK_OBJECT_BIN) return false;
    *out = BYTES(object->via.bin.ptr, object->via.bin.size);
    return true;
}

bool codec_get_text(struct codec_value v, struct bytes *out)
{
    const msgpack_object *object = v.object;
    if (object->type != MSGPACK_OBJECT_STR) return false;
    *out = BYTES(object->via.str.ptr, object->via.str.size);
    return true;
}

/* ---- writing ---- */
static bool writer_make_room(struct codec_writer *w, size_t more)
{
    if (more <= w->room - w->len) return true;
    if (more > w->limit - w->len) {
        w->err = TIDE_ELIMIT;
        return false;
    }
    size_t room = w->room < 256 ? 512 : w->room * 2;
    if (room < w->len + more) room = w->len + more;
    if (room > w->limit) room = w->limit;
    uint8_t *data = arena_alloc(w->arena, room);
    if (data == NULL) {
        w->err = TIDE_ENOMEM;
        return false;
    }
    if (w->len > 0) memcpy(data, w->data, w->len);
    w->data = data;
    w->room = room;
    return true;
}

/* msgpack-c's callback: 0 is success. */
static int writer_append(void *ctx, const char *data, size_t len)
{
    struct codec_writer *w = ctx;
    if (w->err != TIDE_OK || !writer_make_room(w, len)) return -1;
    if (len > 0) memcpy(w->data + w->len, data, len);
    w->len += len;
    return 0;
}

static msgpack_packer packer_of(struct codec_writer *w)
{
    return (msgpack_packer){.data = w, .callback = writer_append};
}

/* msgpack counts in 32 bits. */
static bool length_fits(struct codec_writer *w, size_t n)
{
    if (w->err == TIDE_OK && n > UINT32_MAX) w->err = TIDE_ELIMIT;
    return w->err == TIDE_OK;
}

void codec_writer_init(struct codec_writer *w, struct arena *arena, size_t limit)
{
    *w = (struct codec_writer){.arena = arena, .limit = limit};
}

/* What msgpack_pack_… returns is what the callback returned; it is kept in w->err. */
void codec_put_array(struct codec_writer *w, size_t n)
{
    msgpack_packer packer = packer_of(w);
    if (length_fits(w, n)) (void)msgpack_pack_array(&packer, n);
}

void codec_put_u64(struct codec_writer *w, uint64_t value)
{
    msgpack_packer packer = packer_of(w);
    (void)msgpack_pack_uint64(&packer, value);
}

void codec_put_i64(struct codec_writer *w, int64_t value)
{
    msgpack_packer packer = packer_of(w);
    (void)msgpack_pack_int64(&packer, value);
}

void codec_put_bin(struct codec_writer *w, struct bytes value)
{
    msgpack_packer packer = packer_of(w);
    if (!length_fits(w, value.len)) return;
    (void)msgpack_pack_bin(&packer, value.len);
    (void)msgpack_pack_bin_body(&packer, value.data, value.len);
}

void codec_put_text(struct codec_writer *w, struct bytes value)
{
    msgpack_packer packer = packer_of(w);
    if (!length_fits(w, value.len)) return;
    if (!utf8_is_valid(value)) {
        w->err = TIDE_EINVAL;
        return;
    }
    (void)msgpack_pack_str(&packer, value.len);
    (void)msgpack_pack_str_body(&packer, value.data, value.len);
}

struct bytes codec_writer_bytes(const struct codec_writer *w)
{
    return w->err == TIDE_OK ? BYTES(w->data, w->len) : BYTES(NULL, 0);
}

/* ---- UTF-8 ---- */

/* Bytes of the sequence at `s` (RFC 3629); 0 if it is not well-formed. */
static size_t utf8_sequence(const uint8_t *s, size_t left)
{
    uint8_t first = s[0], least = 0x80, most = 0xbf; /* of the second byte */
    size_t len;
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) {
        len = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        len = 3;
        if (first == 0xe0) least = 0xa0;
        if (first == 0xed) most = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
        len = 4;
        if (first == 0xf0) least = 0x90;
        if (first == 0xf4) most = 0x8f;
    } else {
        return 0;
    }
    if (len > left || s[1] < least || s[1] > most) return 0;
    for (size_t i = 2; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
    }
    return len;
}

bool utf8_is_valid(struct bytes in)
{
    size_t at = 0;
    while (at < in.len) {
        uint64_t eight;
        if (in.len - at >= sizeof eight) {
            memcpy(&eight, in.data + at, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        size_t len = utf8_sequence(in.data + at, in.len - at);
        if (len == 0) return false;
        at += len;
    }
    return true;
}
