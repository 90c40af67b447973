/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame_kind - what an item travelling between processes is.
 */
#ifndef COMMON_SHM_FRAME_KIND_H
#define COMMON_SHM_FRAME_KIND_H

/* What a frame is; link death treats each differently (DELIVERY.md §3). */
enum frame_kind {
	FRAME_PAD, /* fills the end of the ring; never seen by users */
	/* both ways */
	FRAME_PRESENCE,
	FRAME_MESSAGE,
	FRAME_IQ_REQUEST, /* type get or set */
	FRAME_IQ_ANSWER,  /* type result or error */
	FRAME_OTHER,
	/* up */
	FRAME_CREATE,
	FRAME_AUTH, /* SASL auth or response */
	FRAME_FAILED,
	FRAME_LEAVE, /* no wire bytes: the client is gone, its close is due */
	FRAME_CLOSE,
	FRAME_RELEASE, /* no wire bytes: claimed, but never created */
	FRAME_PROBE,   /* session probe */
	FRAME_CONTROL, /* ctl[]: header, handshake, heartbeat, iq result, end */
	FRAME_BARRIER, /* ctl[] */
	/* down; bytes are ready for the client's stream */
	FRAME_SUCCESS,      /* SASL success: mark authenticated, deliver */
	FRAME_CHALLENGE,    /* SASL challenge: deliver */
	FRAME_FAILURE,      /* SASL failure: deliver, attempt is over */
	FRAME_STREAM_ERROR, /* deliver the whole <stream:error/>, end */
	FRAME_SERVER_CLOSE, /* server's close; bytes: its stream error or none
			     */
	FRAME_NOT_FOUND,    /* the server knows no such session: end */
	FRAME_REFUSED,      /* create was refused, by this condition: end */
	FRAME_PACKET_ERROR, /* a <route/> with another error; no bytes */
	FRAME_BOUNCE,       /* error stanza made by upstream; never returned */
	FRAME_LEFT,         /* all up to the session's leave is confirmed */
	FRAME_KIND_COUNT
};

const char *frame_kind_name(enum frame_kind kind);

#endif
