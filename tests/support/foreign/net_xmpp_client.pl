#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# A client made of Net::XMPP; lines.py says what it reads and writes.
use strict;
use warnings;
use Encode qw(decode_utf8);
use Getopt::Long;
use IO::Select;
use Net::XMPP;

binmode STDOUT, ':utf8';
$| = 1;
my ($jid, $password, $port, $authority, $direct);
GetOptions('jid=s' => \$jid, 'password=s' => \$password, 'port=i' => \$port,
    'authority=s' => \$authority, 'direct' => \$direct) or exit 2;
my ($user, $domain, $resource) = $jid =~ m{^([^@]+)@([^/]+)/(.+)$};

sub ended {
    print @_ ? "failed @_\n" : (), "ended\n";
    exit;
}

my $client = Net::XMPP::Client->new;
$client->SetCallBacks(message => sub {
    my $message = $_[1];
    print 'message ', $message->GetFrom, ' ', $message->GetBody, "\n";
});
$client->Connect(hostname => '127.0.0.1', port => $port,
    componentname => $domain, tls => $direct ? 0 : 1, ssl => $direct ? 1 : 0,
    ssl_verify => 0x01, ssl_ca_path => $authority, srv => 0)
    or ended('connect');
my @result = $client->AuthSend(username => $user, password => $password,
    resource => $resource);
ended($result[0]) if $result[0] ne 'ok';
$client->PresenceSend;
print "connected $jid\n";

sub obey {
    my ($command, $first, $rest) = split / /, $_[0], 3;
    if ($command eq 'message') {
        $client->MessageSend(to => $first, body => $rest, type => 'chat');
    } elsif ($command eq 'ping') {
        my $iq = Net::XMPP::IQ->new;
        $iq->SetIQ(type => 'get', to => $domain);
        $iq->InsertRawXML('<ping xmlns="urn:xmpp:ping"/>');
        $client->SendAndReceiveWithID($iq);
        print "pong\n";
    } elsif ($command eq 'roster') {
        my %roster = $client->RosterGet;
        print 'roster ', scalar(keys %roster), "\n";
    }
    return $command ne 'quit';
}

my $input = IO::Select->new(\*STDIN);
my $kept = '';
while (defined $client->Process(0.05)) {
    next unless $input->can_read(0);
    last unless sysread STDIN, $kept, 65536, length $kept;
    while ($kept =~ s/^(.*)\n//) {
        obey(decode_utf8($1)) or goto LEAVE;
    }
}
ended('stream') unless $client->Connected;
LEAVE:
$client->Disconnect;
ended();
