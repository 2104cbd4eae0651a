// Makes reference.json with golang.org/x/mod/sumdb (note, tlog) and filippo.io/torchwood: other people's
// implementations, in another language. How to run it: README.md above.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	origin = "example.org/reference"
	leaves = 70_000
)

type proof struct {
	Index int64  `json:"index"`
	Size  int64  `json:"size"`
	Text  string `json:"text"`
}

type consistency struct {
	Old    int64    `json:"old"`
	New    int64    `json:"new"`
	Hashes []string `json:"hashes"`
}

type reference struct {
	PrivateKey   string            `json:"private_key"`
	VerifierKey  string            `json:"verifier_key"`
	WitnessSeed  string            `json:"witness_seed"`
	WitnessKey   string            `json:"witness_key"`
	RootsTo300   string            `json:"sha256_of_roots_of_sizes_1_to_300"`
	Checkpoints  map[string]string `json:"checkpoints"`
	Cosigned     string            `json:"cosigned"`
	Proofs       []proof           `json:"proofs"`
	Consistency  []consistency     `json:"consistency"`
	TilesOf      map[string]string `json:"sha256_of_tiles"`
	EntryBundles map[string]string `json:"sha256_of_entry_bundles"`
}

type hashes []tlog.Hash

func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, 0, len(indexes))
	for _, i := range indexes {
		found = append(found, (*h)[i])
	}
	return found, nil
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func entry(i int64) []byte { return []byte(fmt.Sprintf("decision %d", i)) }

func main() {
	seed := sha256.Sum256([]byte("reference"))
	key := ed25519.NewKeyFromSeed(seed[:])
	public := key.Public().(ed25519.PublicKey)
	vkey := must(note.NewEd25519VerifierKey(origin, public))
	id := must(note.NewVerifier(vkey)).KeyHash()
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, id,
		base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...)))
	signer := must(note.NewSigner(skey))
	witnessSeed := sha256.Sum256([]byte("witness"))
	witness := must(torchwood.NewCosignatureSigner("witness.example/w1", ed25519.NewKeyFromSeed(witnessSeed[:])))

	var stored hashes
	for i := int64(0); i < leaves; i++ {
		stored = append(stored, must(tlog.StoredHashes(i, entry(i), &stored))...)
	}
	root := func(size int64) tlog.Hash { return must(tlog.TreeHash(size, &stored)) }
	checkpoint := func(size int64) []byte {
		text := torchwood.Checkpoint{Origin: origin, Tree: tlog.Tree{N: size, Hash: root(size)}}.String()
		return must(note.Sign(&note.Note{Text: text}, signer))
	}

	out := reference{
		PrivateKey: skey, VerifierKey: vkey, WitnessSeed: base64.StdEncoding.EncodeToString(witnessSeed[:]),
		WitnessKey: witness.Verifier().String(), Checkpoints: map[string]string{},
		TilesOf: map[string]string{}, EntryBundles: map[string]string{},
	}
	roots := sha256.New()
	for size := int64(1); size <= 300; size++ {
		r := root(size)
		roots.Write(r[:])
	}
	out.RootsTo300 = fmt.Sprintf("%x", roots.Sum(nil))
	for _, size := range []int64{1, 2, 3, 7, 255, 256, 257, 511, 65_535, 65_536, 65_537, leaves} {
		out.Checkpoints[fmt.Sprint(size)] = string(checkpoint(size))
	}
	opened := must(note.Open(checkpoint(257), note.VerifierList(must(note.NewVerifier(vkey)))))
	out.Cosigned = string(must(note.Sign(opened, witness)))
	for _, at := range [][2]int64{{0, 1}, {0, 2}, {1, 3}, {2, 3}, {6, 7}, {255, 256}, {256, 257}, {100, 511},
		{65_535, 65_536}, {65_536, 65_537}, {4711, leaves}, {leaves - 1, leaves}} {
		hashes := must(tlog.ProveRecord(at[1], at[0], &stored))
		text := torchwood.FormatProofWithExtraData(at[0], entry(at[0]), hashes, checkpoint(at[1]))
		out.Proofs = append(out.Proofs, proof{at[0], at[1], string(text)})
	}
	for _, sizes := range [][2]int64{{1, 2}, {2, 3}, {3, 7}, {4, 7}, {255, 256}, {256, 257}, {1, 511}, {300, 511},
		{65_535, 65_537}, {257, leaves}, {65_536, leaves}, {69_999, leaves}} {
		one := consistency{Old: sizes[0], New: sizes[1], Hashes: []string{}}
		for _, hash := range must(tlog.ProveTree(sizes[1], sizes[0], &stored)) {
			one.Hashes = append(one.Hashes, hash.String())
		}
		out.Consistency = append(out.Consistency, one)
	}
	for _, tile := range tlog.NewTiles(torchwood.TileHeight, 0, leaves) {
		data := must(tlog.ReadTileData(tile, &stored))
		out.TilesOf[torchwood.TilePath(tile)] = fmt.Sprintf("%x", sha256.Sum256(data))
		if tile.L == 0 && (tile.N < 3 || tile.W < torchwood.TileWidth) {
			var bundle []byte
			for i := int64(0); i < int64(tile.W); i++ {
				bundle = must(torchwood.AppendTileEntry(bundle, entry(tile.N*torchwood.TileWidth+i)))
			}
			tile.L = -1
			out.EntryBundles[torchwood.TilePath(tile)] = fmt.Sprintf("%x", sha256.Sum256(bundle))
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(out); err != nil {
		panic(err)
	}
}
