/*
 * What each command does: one function each, in the file of its noun. They are called by the table in commands.c only.
 */
#ifndef TIDEMARK_CLI_COMMANDS_H
#define TIDEMARK_CLI_COMMANDS_H

#include "client/cli/cli.h"

int key_new(struct cli *cli); /* key.c */
int key_show(struct cli *cli);
int key_rotate(struct cli *cli); /* rekey.c */
int key_request(struct cli *cli);
int party_rekey(struct cli *cli);
int party_stop_rekey(struct cli *cli);
int party_keys(struct cli *cli);
int card_set(struct cli *cli); /* card.c */
int card_show(struct cli *cli);
int card_erase(struct cli *cli);
int listing_publish(struct cli *cli); /* publish.c */
int listing_revise(struct cli *cli);
int listing_certificate(struct cli *cli); /* listing.c */
int listing_detail(struct cli *cli);      /* detail.c */
int tape_run(struct cli *cli);            /* tape.c */
int connect_run(struct cli *cli); /* connect.c */
int context_list(struct cli *cli);
int context_use(struct cli *cli);
int enrol_run(struct cli *cli);   /* enrol.c */
int status_run(struct cli *cli);  /* status.c */
int outbox_list(struct cli *cli); /* outbox.c */
int outbox_show(struct cli *cli);
int outbox_resend(struct cli *cli);
int party_list(struct cli *cli); /* party.c */
int party_requests(struct cli *cli);
int party_admit(struct cli *cli);
int party_show(struct cli *cli);
int party_suspend(struct cli *cli);
int party_reinstate(struct cli *cli);
int party_regroup(struct cli *cli);
int bank_deposit(struct cli *cli); /* bank.c */
int bank_list(struct cli *cli);
int bank_paid(struct cli *cli);
int bank_returned(struct cli *cli);
int money_show(struct cli *cli); /* money.c */
int money_withdraw(struct cli *cli);
int money_withdrawals(struct cli *cli);
int voucher_programme(struct cli *cli); /* voucher.c */
int voucher_give(struct cli *cli);
int voucher_list(struct cli *cli);
int market_halt(struct cli *cli); /* market.c */
int market_resume(struct cli *cli);
int market_params(struct cli *cli);
int market_arbiter(struct cli *cli);
int trade_claim(struct cli *cli); /* claim.c */
int trade_dispute(struct cli *cli); /* dispute.c */
int listing_sample(struct cli *cli); /* sample.c */
int claim_list(struct cli *cli);
int rule_run(struct cli *cli);
int review_list(struct cli *cli); /* review.c */
int review_approve(struct cli *cli);
int review_refuse(struct cli *cli);
int seal_run(struct cli *cli); /* seal.c */
int open_run(struct cli *cli);
int sell_run(struct cli *cli);       /* sell.c */
int vend_run(struct cli *cli);       /* vend.c */
int listing_search(struct cli *cli); /* listing.c */
int listing_show(struct cli *cli);
int listing_close(struct cli *cli);
int order_bid(struct cli *cli); /* order.c */
int order_ask(struct cli *cli);
int order_cancel(struct cli *cli);
int order_list(struct cli *cli);
int order_show(struct cli *cli);
int order_replace(struct cli *cli); /* replace.c */
int book_show(struct cli *cli); /* book.c */
int trade_list(struct cli *cli); /* trade.c */
int trade_show(struct cli *cli);
int trade_fetch(struct cli *cli);
int trade_accept(struct cli *cli);
int trade_receipt(struct cli *cli);
int buy_run(struct cli *cli);      /* buy.c */
int audit_follow(struct cli *cli); /* audit.c */
int audit_show(struct cli *cli);
int audit_mirror(struct cli *cli); /* mirror.c */
int audit_check(struct cli *cli);
int verify_run(struct cli *cli); /* verify.c */
int errors_run(struct cli *cli); /* errors.c */
int version_run(struct cli *cli);
int completion_run(struct cli *cli); /* completion.c */
int help_run(struct cli *cli);       /* help.c */

/* Prints help for the words that were typed (none: the overview) to `file`. False: there is no such command. */
bool help_print(const char *noun, const char *verb, bool to_stderr);

#endif
