// Checks a proof of `neraca prove` and a log's folder with golang.org/x/mod/sumdb and filippo.io/torchwood, and
// no line of ours: go run ./check VERIFIER_KEY PROOF LOG_FOLDER
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	verifier := must(note.NewVerifier(os.Args[1]))
	policy := torchwood.ThresholdPolicy(2,
		torchwood.OriginPolicy(verifier.Name()), torchwood.SingleVerifierPolicy(verifier))

	text := must(os.ReadFile(os.Args[2]))
	entry := must(torchwood.ProofExtraData(text))
	if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), text); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the proof holds for these %d bytes\n", len(entry))

	folder := os.DirFS(os.Args[3])
	signed := must(os.ReadFile(os.Args[3] + "/checkpoint"))
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		log.Fatal(err)
	}
	client := must(torchwood.NewClient(must(torchwood.NewTileFS(folder))))
	count := int64(0)
	for range client.Entries(context.Background(), checkpoint.Tree, 0) {
		count++
	}
	if err := client.Err(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the log's tiles hold: %d of %d entries read in full tiles\n", count, checkpoint.N)
	_, _, err = client.Entry(context.Background(), checkpoint.Tree, checkpoint.N-1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the last entry is there, with its proof")
}
