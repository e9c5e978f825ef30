/*
 * A job's reply (job.h).
 */
#include "broker/server/job.h"

#include "broker/server/query.h"

void job_reply(struct job *job, const struct reply *reply, const struct schema *schema)
{
    struct reply refusal;
    enum tide_err err = reply_encode(reply, schema, &job->arena, &job->reply);
    if (err == TIDE_OK) return;
    reply_refuse(&refusal, reply->request_id, err == TIDE_ENOMEM ? OUTCOME_BUSY : OUTCOME_TOO_LARGE, NULL);
    if (reply_encode(&refusal, &schema_r_none, &job->arena, &job->reply) != TIDE_OK) job->reply = BYTES(NULL, 0);
}
