/*
 * Log lines on stderr: `<priority>` (syslog's, for journald) then logfmt, `time=… event=… key=value`. Values are quoted
 * and escaped where needed; secrets never come here.
 */
#ifndef TIDEMARK_BROKER_LOG_H
#define TIDEMARK_BROKER_LOG_H

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

void log_set_level(unsigned level);

/* log_event(LOG_LEVEL_INFO, "started", "door=%s port=%u", …): the format gives the rest of the line. */
void log_event(unsigned level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A text as a logfmt value, quoted and escaped if it needs to be: log_event(…, "why=%s", log_value(why).text). */
struct log_text {
    char text[512];
};
struct log_text log_value(const char *text);

#endif
